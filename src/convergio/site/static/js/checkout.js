// Paying: go on to the gateway's page by itself, or open the gateway's own window and send back what it signed.

const forward = document.querySelector('[data-forward]');
// Only once: whoever comes back with the Back button stays here and decides.
if (forward && performance.getEntriesByType('navigation')[0]?.type === 'navigate') {
  location.assign(forward.href);
}

const form = document.getElementById('checkout');

function open() {
  const { key, order, amount, currency, email, words } = form.dataset;
  const problem = form.querySelector('[data-problem]');
  problem.hidden = Boolean(window.Razorpay);
  if (!window.Razorpay) return;
  const sheet = new window.Razorpay({
    key, amount, currency,
    order_id: order,
    name: 'Convergio',
    description: words,
    prefill: { email },
    handler(signed) {
      for (const name of ['razorpay_payment_id', 'razorpay_order_id', 'razorpay_signature']) {
        form.elements[name].value = signed[name];
      }
      form.submit();
    },
  });
  sheet.open();
}

if (form) {
  const button = form.querySelector('[data-pay]');
  button.addEventListener('click', open);
  if (window.Razorpay) open();
}
