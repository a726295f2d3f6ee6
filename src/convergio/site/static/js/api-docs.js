// Swagger UI over the API's own document. Unsafe requests carry the CSRF token, because the session is a cookie.
const { csrfToken, document: url } = document.body.dataset

window.SwaggerUIBundle({
  dom_id: '#swagger-ui',
  url,
  deepLinking: true,
  validatorUrl: null,
  requestInterceptor: (request) => {
    request.headers['X-CSRFToken'] = csrfToken
    return request
  },
})
