-- Is a packet ratified? One SELECT that reads, and says why not. The executor asks it
-- before anything of a packet is sent; the preflights and every gated tier quote it,
-- letter for letter, so that inside their transaction the answer is the same.
--
-- Needs: search_path = pg_catalog; the settings oneroof.ratified_apr, the approval's
--   code, and oneroof.request, what the packet asks approval for: a JSON object of
--   columns of approval_requests and their values.
-- Returns: refusal, '' for a ratified packet, and detail.
--
-- Who counts: president is who has exactly that id and votes as human; the council is
--   who votes as ai_council. An id counts only in plain ASCII, without blanks around
--   it: an invisible character or a letter of another script makes no second person.
--   Neither does case, a kind before a colon (agent:gpt) or the ending -ai-council. A
--   vote dated in the future is none. Who proposed the request, or also voted
--   otherwise, does not count. What is neither approve nor abstain is a reject.

WITH asked AS (
  SELECT
    coalesce(current_setting('oneroof.ratified_apr', true), '') AS code,
    coalesce(nullif(current_setting('oneroof.request', true), ''), '{}')::jsonb
      AS wanted
),
signature AS (
  SELECT count(*) AS signed
  FROM public.os_proposal_approvals
  WHERE
status COLLATE "C" = 'published'
AND esignature_agreement
AND regexp_replace(
  signature_text COLLATE "default", '[\u115F\u1160\u17B4\u17B5\u3164\uFFA0]', '', 'g'
) ~ concat(
  '[[:alnum:]\u00C0-\u00D6\u00D8-\u00F6\u00F8-\u02AF\u0388-\u03E1\u0400-\u0481',
  '\u048A-\u0556\u0561-\u0587\u05D0-\u05EA\u0621-\u063F\u0641-\u064A\u0904-\u0939',
  '\u0E01-\u0E30\u10D0-\u10FA\u1E00-\u1FBC\u3041-\u3096\u30A1-\u30FA\u3400-\u4DBF',
  '\u4E00-\u9FFF\uAC00-\uD7A3]'
)
AND (greatest(date_created, date_updated) > now() AT TIME ZONE 'UTC') IS NOT TRUE
),
request AS (
  SELECT
    approval.id,
    approval.code,
    approval.status::text COLLATE "C" AS status,
    to_jsonb(approval) AS columns,
    greatest(approval.date_created, approval.date_updated) > now() AT TIME ZONE 'UTC'
      OR approval.reviewed_at > now() AS ahead,
    CASE json_typeof(approval.source_context)
      WHEN 'object' THEN approval.source_context
      ELSE '{}'
    END AS context
  FROM asked
  JOIN public.approval_requests AS approval
    ON approval.code::text COLLATE "C" = asked.code
),
-- Width, accents and invisible characters make no other name: what is left in ASCII
-- is compared. Null where that cannot be told: no text, or letters that only look
-- like ASCII beside ASCII.
proposer AS (
  SELECT
    CASE
      WHEN name !~ '[0-9A-Za-z\u00C0-\u058F\u05D0-\u05EA\u0621-\u064A\u0904-\u0939]'
        AND name !~ '[\u0E01-\u0E30\u1E00-\u1FBC\u3041-\u30FA\u3400-\uD7A3]'
        THEN NULL
      WHEN name ~ '[A-Za-z]' AND name ~ '[\u0370-\u058F\u13A0-\u13FF\uAB70-\uABBF]'
        THEN NULL
      ELSE regexp_replace(
        btrim(lower(regexp_replace(
          CASE getdatabaseencoding()
            WHEN 'UTF8' THEN normalize(name, NFKD)
            ELSE name
          END COLLATE "C",
          '[^ -~]', '', 'g'
        ))),
        '^[a-z]+: *|-ai-council$', '', 'g'
      )
    END AS person
  FROM request
  CROSS JOIN json_each(request.context) AS entry
  CROSS JOIN LATERAL (
    SELECT CASE json_typeof(entry.value)
      WHEN 'string' THEN regexp_replace(entry.value #>> '{}', '\u00DF', 'ss', 'g')
    END AS text
  ) AS given
  CROSS JOIN LATERAL (
    SELECT CASE getdatabaseencoding()
      WHEN 'UTF8' THEN normalize(given.text, NFKC)
      ELSE given.text
    END COLLATE "C" AS name
  ) AS named
  WHERE btrim(lower(entry.key COLLATE "C")) IN ('proposer', 'created_by')
    AND json_typeof(entry.value) <> 'null'
),
ballot AS (
  SELECT
    vote.approver::text COLLATE "C" AS approver,
    vote.approver_type::text COLLATE "C" AS kind,
    vote.decision::text COLLATE "C" AS decision,
    regexp_replace(
      lower(vote.approver::text COLLATE "C"), '^[a-z]+: *|-ai-council$', '', 'g'
    ) AS person,
    (vote.created_at > now()) IS NOT TRUE
      AND vote.approver::text COLLATE "C" ~ '^[!-~]+( [!-~]+)*$' AS counts
  FROM request
  JOIN public.apr_approvals AS vote
    ON vote.apr_id = request.id
),
voter AS (
  SELECT
    bool_or(approver = 'president') AND bool_and(kind = 'human') AS president,
    bool_and(kind = 'ai_council') AS council
  FROM ballot
  WHERE counts
  GROUP BY
    person
  HAVING bool_and(decision = 'approve')
    AND person ~ '[a-z0-9]'
    AND person NOT IN (SELECT proposer.person FROM proposer WHERE person IS NOT NULL)
),
found AS (
  SELECT
    asked.code,
    asked.wanted,
    (SELECT count(*) FROM public.os_proposal_approvals) AS ospa,
    signature.signed,
    (SELECT count(*) FROM request) AS requests,
    (SELECT min(status) FROM request) AS status,
    (SELECT bool_or(ahead) FROM request) AS ahead,
    (SELECT bool_and(columns @> asked.wanted) FROM request) AS fits,
    (
      SELECT jsonb_object_agg(key, columns -> key)
      FROM request
      CROSS JOIN jsonb_object_keys(asked.wanted) AS key
    ) AS about,
    (SELECT count(*) FROM proposer) AS proposers,
    (SELECT count(*) FROM proposer WHERE person IS NULL) AS strangers,
    (SELECT count(*) FROM voter WHERE president) AS presidents,
    (SELECT count(*) FROM voter WHERE council) AS council,
    (
      SELECT count(*)
      FROM ballot
      WHERE (decision IN ('approve', 'abstain')) IS NOT TRUE
    ) AS rejects
  FROM asked
  CROSS JOIN signature
)
SELECT
  CASE
    WHEN signed < 1
      THEN format(
        'REFUSING: ratification gate not met (os_proposal_approvals=%s)', ospa
      )
    WHEN code COLLATE "C" !~ '^[A-Za-z0-9][A-Za-z0-9._-]*$'
      THEN format(
        'REFUSING: no ratified approval given (oneroof.ratified_apr=%s)',
        quote_literal(code)
      )
    WHEN requests <> 1 OR (status = 'approved') IS NOT TRUE
      THEN format(
        'REFUSING: approval %s is not approved (status=%s)',
        code,
        CASE requests WHEN 0 THEN 'no such request' ELSE coalesce(status, 'none') END
      )
    WHEN ahead
      THEN format('REFUSING: approval %s is dated in the future', code)
    WHEN proposers < 1 OR strangers > 0
      THEN format('REFUSING: approval %s does not tell who proposed it', code)
    WHEN presidents < 1 OR council < 2 OR rejects > 0
      THEN format(
        'REFUSING: approval %s is without its quorum (president=%s council=%s '
        'rejects=%s)',
        code, presidents, council, rejects
      )
    WHEN NOT wanted ?& ARRAY['target_collection', 'proposed_action_code']
      THEN 'REFUSING: the packet does not tell what it asks approval for'
    WHEN fits IS NOT TRUE
      THEN format('REFUSING: approval %s is about something else', code)
    ELSE ''
  END AS refusal,
  format(
    '%s published, agreed and signed; approval about %s, the packet asks for %s',
    signed, coalesce(about::text, 'nothing'), wanted
  ) AS detail
FROM found;
