"""The outermost layer: urls, middleware, base templates, static files and pages made of several domains."""
