-- 211 approval requests and 42 votes; the content is inferred.
--
-- Needs before: 15 and its vocabularies, and no trigger of 64 yet. Leaves: requests
--   1 to 211, the last of them APR-BOOT-AUTHMODEL-1, pending and without a vote;
--   14 requests with a full quorum of three votes each. Undone by: DROP DATABASE.
--
-- Known of the votes: president 14, gemini 11, gpt 11, further council members 6.

INSERT INTO public.approval_requests (
  id, code, request_type, entity_type, entity_code, title, source, priority,
  status, reviewed_by, reviewed_at, applied_at, date_created, action,
  target_collection, target_entity_code, source_context, request_type_code,
  proposed_action_code
)
SELECT
  n,
  'APR-' || lpad(n::text, 4, '0'),
  'change',
  'collection',
  'COL-' || lpad((1 + n % 166)::text, 3, '0'),
  'Request ' || n || ' about COL-' || lpad((1 + n % 166)::text, 3, '0'),
  'agent',
  (ARRAY['normal', 'low', 'high', 'normal', 'critical'])[1 + n % 5],
  CASE
    WHEN n <= 14 THEN 'approved'
    WHEN n % 6 = 0 THEN 'rejected'
    WHEN n % 6 = 1 THEN 'expired'
    WHEN n % 6 = 2 THEN 'pending'
    ELSE 'applied'
  END,
  CASE WHEN n <= 14 OR n % 6 <> 2 THEN 'president' END,
  CASE
    WHEN n <= 14 OR n % 6 <> 2
      THEN timestamptz '2026-02-01 12:00:00+00' + n * interval '12 hours'
  END,
  CASE
    WHEN n > 14 AND n % 6 > 2
      THEN timestamptz '2026-02-01 18:00:00+00' + n * interval '12 hours'
  END,
  timestamp '2026-02-01 08:00:00' + n * interval '12 hours',
  (ARRAY['modify', 'review', 'modify', 'delete'])[1 + n % 4],
  'collection_registry',
  'COL-' || lpad((1 + n % 166)::text, 3, '0'),
  '{"proposer": "agent:librarian"}',
  (ARRAY['reclassify', 'rule_change', 'fix_repair_dot'])[1 + n % 3],
  CASE WHEN n <= 14 THEN 'add_field' ELSE 'create_item' END
FROM generate_series(1, 210) AS n;

INSERT INTO public.approval_requests (
  id, code, request_type, entity_type, entity_code, title, proposed_action, source,
  priority, status, date_created, action, target_collection, target_entity_code,
  source_context, request_type_code, proposed_action_code
)
VALUES (
  211,
  'APR-BOOT-AUTHMODEL-1',
  'constitutional',
  'governance_model',
  'F6-anchor-ratified',
  'Ratify the authorization model of object ownership',
  '{"seed": "5 groups, accountable in every active scope"}',
  'council',
  'critical',
  'pending',
  timestamp '2026-06-01 08:00:00',
  'review',
  'governance_object_ownership',
  'F6-anchor-ratified',
  '{"proposer": "agent:council-secretary"}',
  'constitutional_ratification',
  'assign_governance_owner'
);

INSERT INTO public.apr_approvals (
  id, apr_id, approver, approver_type, decision, rationale, created_at
)
SELECT
  (n - 1) * 3 + seat,
  n,
  CASE
    WHEN seat = 1 THEN 'president'
    WHEN n <= 11 THEN (ARRAY['gemini', 'gpt'])[seat - 1]
    ELSE (ARRAY['gemini-ai-council', 'gpt-ai-council'])[seat - 1]
  END,
  CASE WHEN seat = 1 THEN 'human' ELSE 'ai_council' END,
  'approve',
  'Reviewed and found in order.',
  timestamptz '2026-02-01 10:00:00+00'
    + n * interval '12 hours'
    + seat * interval '1 minute'
FROM generate_series(1, 14) AS n
CROSS JOIN generate_series(1, 3) AS seat;
