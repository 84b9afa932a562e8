-- O1: who is named as accountable for each group and scope, and by whose decision.
--
-- Needs before: nothing. Leaves: nothing. Undone by: nothing to undo.
-- Returns (group_code, scope, owner, standing, force, approval, request): a row for each
--   accountable row of a group, of whatever lifecycle; standing is the owner's status
--   in the registry, approval the reference, request the state of what it refers to.
--
-- From the base tables alone: a view that tells otherwise is found out.

SELECT
  anchor.object_ref AS group_code,
  anchor.scope,
  anchor.owner_gov_code::text AS owner,
  COALESCE(body.status::text, 'without status') AS standing,
  CASE
    WHEN anchor.lifecycle_status IS DISTINCT FROM 'active'
      THEN COALESCE(anchor.lifecycle_status, 'without lifecycle')
    WHEN NOT anchor.is_inherited_anchor THEN 'no anchor'
    WHEN anchor.effective_to <= now()
      THEN 'ended ' || to_char(anchor.effective_to, 'YYYY-MM-DD')
    WHEN anchor.effective_from > now()
      THEN 'not before ' || to_char(anchor.effective_from, 'YYYY-MM-DD')
    ELSE 'in force'
  END AS force,
  COALESCE(NULLIF(btrim(anchor.approval_ref), ''), 'nobody') AS approval,
  request.standing AS request
FROM public.governance_object_ownership AS anchor
LEFT JOIN public.governance_registry AS body
  ON body.code = anchor.owner_gov_code
LEFT JOIN LATERAL (
  SELECT
    CASE
      WHEN approval.status NOT IN ('approved', 'applied') THEN approval.status
      WHEN count(*) FILTER (WHERE vote.decision = 'reject') > 0 THEN 'rejected by a vote'
      WHEN count(*) FILTER (
        WHERE vote.decision = 'approve'
          AND vote.approver_type = 'human'
          AND vote.approver ILIKE '%president%'
          AND vote.approver IS DISTINCT FROM proposer.name
      ) < 1
        OR count(*) FILTER (
          WHERE vote.decision = 'approve'
            AND vote.approver_type = 'ai_council'
            AND vote.approver IS DISTINCT FROM proposer.name
        ) < 2
        THEN 'without its quorum'
      ELSE 'approved'
    END::text AS standing
  FROM public.approval_requests AS approval
  CROSS JOIN LATERAL (
    SELECT COALESCE(
      approval.source_context ->> 'proposer',
      approval.source_context ->> 'created_by'
    ) AS name
  ) AS proposer
  LEFT JOIN public.apr_approvals AS vote
    ON vote.apr_id = approval.id
  WHERE approval.code = anchor.approval_ref
  GROUP BY
    approval.status
) AS request
  ON true
WHERE anchor.object_type = 'group'
  AND anchor.owner_kind = 'accountable'
ORDER BY
  anchor.object_ref COLLATE "C",
  anchor.scope COLLATE "C",
  anchor.id;
