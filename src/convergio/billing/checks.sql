-- What must always hold of tokens, invoices and subscriptions. Each statement answers the rows that break its sentence; see checks.py.

-- A balance is the sum of its ledger.
SELECT b.user_id, b.tokens, COALESCE(sum(e.tokens), 0) AS found
FROM token_balances b LEFT JOIN token_ledger e ON e.user_id = b.user_id
GROUP BY b.user_id, b.tokens HAVING b.tokens <> COALESCE(sum(e.tokens), 0);

-- A balance is the sum of what is left of its lots.
SELECT b.user_id, b.tokens, COALESCE(sum(l.remaining), 0) AS found
FROM token_balances b LEFT JOIN token_lots l ON l.user_id = b.user_id
GROUP BY b.user_id, b.tokens HAVING b.tokens <> COALESCE(sum(l.remaining), 0);

-- What is held is the sum of the reservations.
SELECT b.user_id, b.reserved, COALESCE(sum(r.tokens), 0) AS found
FROM token_balances b LEFT JOIN token_reservations r ON r.user_id = b.user_id
GROUP BY b.user_id, b.reserved HAVING b.reserved <> COALESCE(sum(r.tokens), 0);

-- Nobody holds entries or reservations without a balance.
SELECT DISTINCT user_id FROM (
  SELECT user_id FROM token_ledger UNION ALL SELECT user_id FROM token_reservations
) AS owner WHERE user_id NOT IN (SELECT user_id FROM token_balances);

-- What came in has a lot of its user, with no more left than came in.
SELECT e.id, e.tokens, l.remaining
FROM token_ledger e LEFT JOIN token_lots l ON l.entry_id = e.id
WHERE e.tokens > 0 AND (l.entry_id IS NULL OR l.remaining > e.tokens OR l.user_id <> e.user_id);

-- What went out has no lot.
SELECT e.id FROM token_ledger e JOIN token_lots l ON l.entry_id = e.id WHERE e.tokens <= 0;

-- Grants, purchases, bonuses and refunds bring tokens in; usage and expiry take them out.
SELECT id, kind, tokens FROM token_ledger
WHERE tokens = 0 OR (tokens > 0) <> (kind IN ('grant', 'purchase', 'bonus', 'refund')) AND kind <> 'adjustment';

-- Each charged usage is in the ledger once, with the tokens that it was charged.
SELECT u.id, u.charged_tokens, e.tokens
FROM token_usage u LEFT JOIN token_ledger e ON e.usage_id = u.id
WHERE u.charged_tokens <> -COALESCE(e.tokens, 0) OR u.user_id <> COALESCE(e.user_id, u.user_id);

-- Lapsed tokens are not spent: what is left of them is held for calls under way.
SELECT b.user_id, b.reserved, sum(l.remaining) AS lapsed
FROM token_balances b JOIN token_lots l ON l.user_id = b.user_id
WHERE l.remaining > 0 AND l.expires_at < statement_timestamp() - interval '2 days'
GROUP BY b.user_id, b.reserved HAVING sum(l.remaining) > b.reserved;

-- A refill after the next expiry is known to its balance.
SELECT b.user_id, b.next_expiry_at, min(l.expires_at) AS found
FROM token_balances b JOIN token_lots l ON l.user_id = b.user_id AND l.remaining > 0
GROUP BY b.user_id, b.next_expiry_at HAVING b.next_expiry_at IS DISTINCT FROM min(l.expires_at);

-- An invoice and a credit note are the sum of their lines, and their tax is the sum of their taxes.
SELECT document.number FROM (
  SELECT number, subtotal, tax, total, lines, tax_lines FROM invoices
  UNION ALL SELECT number, subtotal, tax, total, lines, tax_lines FROM credit_notes
) AS document
WHERE total <> subtotal + tax
  OR subtotal <> (SELECT COALESCE(sum((line->>'taxable')::bigint), 0) FROM jsonb_array_elements(lines) AS line)
  OR tax <> (SELECT COALESCE(sum((line->>'tax')::bigint), 0) FROM jsonb_array_elements(lines) AS line)
  OR tax <> (SELECT COALESCE(sum((line->>'amount')::bigint), 0) FROM jsonb_array_elements(tax_lines) AS line);

-- Nothing on an invoice or a credit note is less than nothing.
SELECT document.number FROM (
  SELECT number, lines, tax_lines FROM invoices UNION ALL SELECT number, lines, tax_lines FROM credit_notes
) AS document
WHERE EXISTS (
  SELECT FROM jsonb_array_elements(lines || tax_lines) AS line
  WHERE least((line->>'taxable')::bigint, (line->>'tax')::bigint, (line->>'amount')::bigint) < 0
);

-- The numbers of a series run from 1 to its counter, none missing and none twice.
SELECT series, max(last_number) AS counter, count(number) AS found FROM (
  SELECT series, last_number, NULL::int AS number FROM invoice_counters
  UNION ALL SELECT series, NULL, series_number FROM invoices
  UNION ALL SELECT series, NULL, series_number FROM credit_notes
) AS used GROUP BY series
HAVING max(last_number) IS DISTINCT FROM count(number)::int OR count(DISTINCT number) <> count(number)
  OR COALESCE(min(number), 1) <> 1 OR COALESCE(max(number), 0) IS DISTINCT FROM max(last_number);

-- A number is spelled as its series and its place, in at most 16 characters.
SELECT number FROM (
  SELECT number, series, series_number FROM invoices UNION ALL SELECT number, series, series_number FROM credit_notes
) AS document
WHERE number <> series || '/' || lpad(series_number::text, greatest(6, length(series_number::text)), '0')
  OR length(number) > 16;

-- No number has an earlier date than the one before it, and its date is in the financial year that it names.
SELECT number, issued_at FROM (
  SELECT number, series, issued_at, lag(issued_at) OVER (PARTITION BY series ORDER BY series_number) AS before FROM (
    SELECT number, series, series_number, issued_at FROM invoices
    UNION ALL SELECT number, series, series_number, issued_at FROM credit_notes
  ) AS document
) AS ordered
WHERE issued_at < before
  OR right(series, 5) <> to_char((issued_at AT TIME ZONE 'Asia/Kolkata') - interval '3 months', 'YY') || '-'
    || to_char((issued_at AT TIME ZONE 'Asia/Kolkata') + interval '9 months', 'YY');

-- Credit notes are within their invoice, which knows their sum.
SELECT i.number, i.total, i.credited, COALESCE(sum(n.total), 0) AS found
FROM invoices i LEFT JOIN credit_notes n ON n.invoice_id = i.id
GROUP BY i.id HAVING i.credited <> COALESCE(sum(n.total), 0) OR COALESCE(sum(n.total), 0) > i.total
  OR COALESCE(sum(n.tax), 0) > i.tax OR COALESCE(sum(n.subtotal), 0) > i.subtotal
  OR bool_or(n.currency <> i.currency) OR bool_or(n.issued_at < i.issued_at);

-- An invoice is refunded when all of it is credited, and credited only after it was paid.
SELECT number, status, total, credited FROM invoices
WHERE (status = 'refunded') <> (credited = total AND total > 0) OR (status IN ('paid', 'refunded')) <> (paid_at IS NOT NULL)
  OR credited > 0 AND status NOT IN ('paid', 'refunded') OR status NOT IN ('issued', 'paid', 'void', 'refunded');

-- A purchase that was paid brought its tokens and its bonus, and one that was not brought none.
SELECT p.id, p.status, p.tokens, p.bonus_tokens, sum(e.tokens) AS found
FROM token_purchases p LEFT JOIN token_ledger e
  ON e.user_id = p.user_id AND e.cause = 'token_purchases:' || p.id AND e.kind IN ('purchase', 'bonus')
WHERE p.reference IS NOT NULL
GROUP BY p.id HAVING COALESCE(sum(e.tokens), 0)
  <> CASE WHEN p.status IN ('paid', 'refunded') THEN p.tokens + p.bonus_tokens ELSE 0 END;

-- What was refunded of a purchase is the sum of its refunds, and all of it makes it refunded.
SELECT p.id, p.status, p.amount, p.refunded, COALESCE(sum(r.amount) FILTER (WHERE r.status = 'done'), 0) AS found
FROM token_purchases p LEFT JOIN token_refunds r ON r.purchase_id = p.id
WHERE p.reference IS NOT NULL
GROUP BY p.id HAVING p.refunded <> COALESCE(sum(r.amount) FILTER (WHERE r.status = 'done'), 0)
  OR (p.status = 'refunded') <> (p.refunded = p.amount AND p.refunded > 0);

-- A period's AI replies are the calls and the reservations that count in it.
SELECT COALESCE(c.user_id, r.user_id) AS user_id, c.ai_replies, r.found
FROM usage_counters c FULL JOIN (
  SELECT user_id, period_start, count(*) AS found FROM (
    SELECT user_id, period_start FROM token_usage WHERE period_start IS NOT NULL
    UNION ALL SELECT user_id, period_start FROM token_reservations WHERE period_start IS NOT NULL
  ) AS reply GROUP BY user_id, period_start
) AS r ON r.user_id = c.user_id AND r.period_start = c.period_start
WHERE COALESCE(c.ai_replies, 0) <> COALESCE(r.found, 0);

-- An alert that waits for a refill has fired.
SELECT id, user_id FROM usage_alerts WHERE NOT armed AND last_fired_at IS NULL;

-- Where a limit stopped a model, there was less than it needed.
SELECT id, reason, needed, available FROM ai_stops
WHERE (CASE reason WHEN 'tokens' THEN needed <= available ELSE needed < available END) OR times < 1 OR last_at < first_at;

-- A purchase that was paid has an invoice over exactly what was paid, or staff were told that it lacks one.
SELECT p.id, p.status, p.amount, i.total
FROM token_purchases p LEFT JOIN invoices i ON i.id = p.invoice_id
WHERE p.reference IS NOT NULL AND CASE WHEN p.invoice_id IS NULL
  THEN p.status IN ('paid', 'refunded') AND NOT EXISTS (
    SELECT FROM gateway_differences d WHERE d.purchase_id = p.id AND d.kind = 'document_missing')
  ELSE i.total <> p.amount OR i.currency <> p.currency OR i.user_id <> p.user_id OR i.paid_at IS NULL END;

-- A payment of a subscription has its invoice over just that, and its tokens were granted once until its period's end.
SELECT p.id, p.amount, i.total, p.tokens, e.tokens AS granted
FROM subscription_payments p JOIN invoices i ON i.id = p.invoice_id
LEFT JOIN token_ledger e
  ON e.user_id = p.user_id AND e.kind = 'grant' AND e.cause = 'subscription_payments:' || p.id
WHERE (i.user_id, i.total, i.currency, i.gateway, i.gateway_id, i.paid_at IS NULL)
    IS DISTINCT FROM (p.user_id, p.amount, p.currency, p.gateway, p.gateway_id, false)
  OR COALESCE(e.tokens, 0) <> p.tokens OR e.expires_at <> p.period_end;

-- A period brings what its version of the plan says, and an upgrade no more than a month of it.
SELECT p.id, p.kind, p.tokens, p.amount FROM subscription_payments p
JOIN subscription_plan_versions v ON v.id = p.version_id
WHERE p.kind = 'period' AND p.tokens <> v.monthly_tokens OR p.kind = 'upgrade' AND p.tokens > v.monthly_tokens
  OR p.currency <> v.currency OR p.kind NOT IN ('period', 'upgrade');

-- The periods of a contract follow each other without gap, and no two periods of a user overlap.
SELECT id, period_start, before FROM (
  SELECT id, contract, period_start, lag(period_end) OVER of_user AS before, lag(contract) OVER of_user AS contract_before
  FROM subscription_payments WHERE kind = 'period' WINDOW of_user AS (PARTITION BY user_id ORDER BY period_start, id)
) AS ordered
WHERE period_start < before OR contract = contract_before AND period_start <> before;

-- Whoever has paid for a plan has the version and the period that were paid for last.
SELECT s.user_id, s.version_id, s.period_end, last.version_id AS paid_version, last.period_end AS paid_end
FROM user_subscriptions s LEFT JOIN LATERAL (
  SELECT version_id, period_end FROM subscription_payments p
  WHERE p.user_id = s.user_id AND p.contract = s.reference ORDER BY period_end DESC, id DESC LIMIT 1
) AS last ON true
WHERE s.anchor IS NOT NULL
  AND (s.version_id, s.period_end) IS DISTINCT FROM (last.version_id, last.period_end);

-- What a subscription says of itself fits its state.
SELECT s.user_id, s.status FROM user_subscriptions s JOIN subscription_plan_versions v ON v.id = s.version_id
WHERE s.plan_id <> v.plan_id OR (s.status = 'past_due') <> (s.past_due_since IS NOT NULL)
  OR s.cancel_at_period_end <> (s.status = 'cancelling') OR s.look_at IS NULL
  OR (s.status IN ('free', 'pending')) <> (s.period_end IS NULL)
  OR s.period_end <= s.period_start OR (s.status = 'pending') AND s.next_version_id IS NULL;

-- Each step of a subscription begins where the one before ended, and its state is where the last one led.
SELECT user_id, from_state, before, to_state, status FROM (
  SELECT s.user_id, e.from_state, e.to_state, s.status,
    lag(e.to_state, 1, 'free') OVER of_user AS before, lead(e.from_state, 1, s.status) OVER of_user AS after
  FROM user_subscriptions s JOIN subscription_events e ON e.user_id = s.user_id
  WINDOW of_user AS (PARTITION BY s.user_id ORDER BY e.id)
) AS walked
WHERE from_state <> before OR to_state <> after;

-- A subscription without steps is on Free.
SELECT s.user_id, s.status FROM user_subscriptions s
WHERE s.status <> 'free' AND NOT EXISTS (SELECT FROM subscription_events e WHERE e.user_id = s.user_id);

-- Every upgrade that was paid was one order.
SELECT contract, count(*) FILTER (WHERE is_order) AS orders, count(*) FILTER (WHERE NOT is_order) AS payments FROM (
  SELECT contract, true AS is_order FROM subscription_orders WHERE kind = 'upgrade' AND status = 'paid'
  UNION ALL SELECT contract, false FROM subscription_payments WHERE kind = 'upgrade'
) AS counted GROUP BY contract HAVING count(*) FILTER (WHERE is_order) <> count(*) FILTER (WHERE NOT is_order);

-- A refund of a subscription that went through has a credit note over just that, and no other refund has one.
SELECT r.id, r.status, r.amount, n.total FROM subscription_refunds r
JOIN subscription_payments p ON p.id = r.payment_id
LEFT JOIN credit_notes n ON n.gateway = p.gateway AND n.gateway_id = 'subscription_refunds:' || r.id
WHERE n.total IS DISTINCT FROM CASE WHEN r.status = 'done' THEN r.amount END
  OR n.invoice_id <> p.invoice_id OR r.status NOT IN ('pending', 'done', 'failed');

-- What a refund of a subscription took back is in the ledger, and came back if the refund failed.
SELECT r.id, r.status, r.tokens, e.taken, e.returned FROM subscription_refunds r
JOIN subscription_payments p ON p.id = r.payment_id
CROSS JOIN LATERAL (
  SELECT COALESCE(-sum(tokens) FILTER (WHERE tokens < 0), 0) AS taken,
    COALESCE(sum(tokens) FILTER (WHERE tokens > 0), 0) AS returned
  FROM token_ledger WHERE user_id = p.user_id AND cause = 'subscription_refunds:' || r.id
) AS e
WHERE e.taken <> r.tokens OR e.returned <> CASE WHEN r.status = 'failed' THEN r.tokens ELSE 0 END;

-- No more of a subscription's payment goes back than was paid and granted.
SELECT p.id, p.amount, p.tokens, sum(r.amount) AS refunded, sum(r.tokens) AS taken
FROM subscription_payments p JOIN subscription_refunds r ON r.payment_id = p.id AND r.status <> 'failed'
GROUP BY p.id HAVING sum(r.amount) > p.amount OR sum(r.tokens) > p.tokens;
