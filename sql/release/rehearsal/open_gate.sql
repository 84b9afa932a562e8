-- Rehearsal: open the ratification gate of a clone, and of nothing else; commits.
--
-- Needs before: a marked rehearsal clone; refused for production directus and for
--   every other database. It is no part of any packet and ratifies nothing.
-- Leaves: one signed row in os_proposal_approvals, and the approved request
--   APR-REHEARSAL-ONLY with its quorum; births of the request by its trigger.
-- Undone by: DROP DATABASE of the rehearsal clone.

BEGIN;
SET LOCAL search_path = pg_catalog;
SET LOCAL lock_timeout = '3s';
SET LOCAL statement_timeout = '15s';

DO $$
BEGIN
  IF current_database() !~ '^directus_gov_test_[0-9]{8}(_[a-z0-9_]+)?$' THEN
    RAISE EXCEPTION 'REFUSING TO RUN: % is not a clone.', current_database();
  END IF;
  IF NOT EXISTS (
    SELECT
    FROM pg_catalog.pg_database AS base
    WHERE base.datname = current_database()
      AND starts_with(
        shobj_description(base.oid, 'pg_database'),
        'pytest-oneroof clone '
      )
  ) THEN
    RAISE EXCEPTION 'REFUSING TO RUN: % carries no marker of a clone.',
      current_database();
  END IF;
END
$$;

INSERT INTO public.os_proposal_approvals (
  id, status, signature_text, signature_type, esignature_agreement, organization
)
VALUES (
  '00000000-0000-4000-8000-000000000001',
  'published',
  'REHEARSAL ON A CLONE: ratifies nothing',
  'text',
  true,
  'rehearsal'
);

INSERT INTO public.approval_requests (
  code, title, source, priority, status, action, target_collection,
  target_entity_code, source_context, request_type_code, proposed_action_code
)
VALUES (
  'APR-REHEARSAL-ONLY',
  'Rehearsal on a clone: ratifies nothing',
  'rehearsal',
  'low',
  'pending',
  'review',
  'governance_object_ownership',
  'F6-anchor-ratified',
  '{"proposer": "rehearsal"}',
  'constitutional_ratification',
  'assign_governance_owner'
);

INSERT INTO public.apr_approvals (apr_id, approver, approver_type, decision, rationale)
SELECT
  request.id,
  vote.approver,
  vote.approver_type,
  'approve',
  'Rehearsal on a clone: ratifies nothing.'
FROM public.approval_requests AS request
CROSS JOIN (
  VALUES
    ('president', 'human'),
    ('council-1 (rehearsal)', 'ai_council'),
    ('council-2 (rehearsal)', 'ai_council')
) AS vote (approver, approver_type)
WHERE request.code = 'APR-REHEARSAL-ONLY'
ORDER BY
  vote.approver COLLATE "C";

UPDATE public.approval_requests
SET status = 'approved'
WHERE code = 'APR-REHEARSAL-ONLY';

COMMIT;
