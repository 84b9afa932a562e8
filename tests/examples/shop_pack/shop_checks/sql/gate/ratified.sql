-- Why a packet is not approved, or ''. The packets' files quote it.
SELECT
  CASE
    WHEN count(entry.id) = 0
      THEN format('REFUSING: nobody has approved %s', quote_literal(asked.code))
    ELSE ''
  END AS refusal,
  format('%s approvals of %s', count(entry.id), asked.wanted ->> 'release') AS detail
FROM (
  SELECT
    coalesce(current_setting('shop.approval', true), '') AS code,
    coalesce(nullif(current_setting('oneroof.request', true), ''), '{}')::jsonb
      AS wanted
) AS asked
LEFT JOIN sales.audit AS entry
  ON entry.what = format('approved %s as %s', asked.wanted ->> 'release', asked.code)
GROUP BY
  asked.code,
  asked.wanted;
