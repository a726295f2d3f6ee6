-- What must always hold of tokens. Each statement answers the rows that break its sentence; see checks.py.

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
