-- Functions of the approval spine: quorum, signature, lifecycle, build permission.
--
-- Needs before: 15, 16, 20. Leaves: eight functions and v_build_auth_valid.
-- Undone by: DROP DATABASE. Inferred: exception texts; that a signature refers to
-- its authorization by metadata.approval_ref or by its own id.

SET ROLE directus;

CREATE FUNCTION public.quorum_passed(p_request_code text) RETURNS boolean
LANGUAGE sql
STABLE
AS $$
  WITH request AS (
    SELECT
      approval.id,
      COALESCE(
        approval.source_context ->> 'proposer',
        approval.source_context ->> 'created_by'
      ) AS proposer,
      COALESCE(kind.risk_level, 'low') AS risk_level
    FROM public.approval_requests AS approval
    LEFT JOIN public.apr_action_types AS kind
      ON kind.action_code = approval.proposed_action_code
    WHERE approval.code = p_request_code
  ),
  vote AS (
    SELECT
      request.risk_level,
      ballot.decision,
      ballot.approver,
      ballot.approver_type
    FROM request
    JOIN public.apr_approvals AS ballot
      ON ballot.apr_id = request.id
      AND ballot.approver IS DISTINCT FROM request.proposer
  ),
  tally AS (
    SELECT
      count(*) FILTER (WHERE decision = 'reject') AS rejects,
      count(*) FILTER (WHERE decision = 'approve') AS approvals,
      count(*) FILTER (
        WHERE decision = 'approve'
          AND approver_type = 'human'
          AND approver ILIKE '%president%'
      ) AS presidents,
      count(*) FILTER (
        WHERE decision = 'approve'
          AND approver_type = 'ai_council'
      ) AS council
    FROM vote
  )
  SELECT COALESCE(
    (
      SELECT
        tally.rejects = 0
        AND CASE request.risk_level
          WHEN 'high' THEN tally.presidents >= 1 AND tally.council >= 2
          WHEN 'medium' THEN tally.presidents >= 1
          ELSE tally.approvals >= 1
        END
      FROM request
      CROSS JOIN tally
    ),
    false
  )
$$;
COMMENT ON FUNCTION public.quorum_passed(text) IS
  'Whether the votes on a request suffice for its risk, the proposer''s left out.';

-- The predicate of the release gate, word for word: published, agreed, signed.
CREATE FUNCTION public.valid_sovereign_esign(p_ref text) RETURNS boolean
LANGUAGE sql
STABLE
AS $$
  SELECT EXISTS (
    SELECT
    FROM public.os_proposal_approvals AS signature
    WHERE signature.status = 'published'
      AND signature.esignature_agreement
      AND btrim(COALESCE(signature.signature_text, '')) <> ''
      AND p_ref IN (signature.id::text, signature.metadata ->> 'approval_ref')
  )
$$;
COMMENT ON FUNCTION public.valid_sovereign_esign(text) IS
  'Whether a published, agreed and signed approval stands for the reference.';

CREATE VIEW public.v_build_auth_valid AS
SELECT
  grant_row.auth_code,
  grant_row.step_code,
  grant_row.request_ref,
  grant_row.risk_level,
  grant_row.expires_at
FROM public.governance_build_authorization AS grant_row
JOIN public.approval_requests AS request
  ON request.code = grant_row.request_ref
WHERE grant_row.status = 'active'
  AND grant_row.expires_at > now()
  AND grant_row.consumed_at IS NULL
  AND grant_row.revoked_at IS NULL
  AND request.status IN ('approved', 'applied')
  AND public.quorum_passed(grant_row.request_ref)
  AND (
    grant_row.risk_level <> 'high'
    OR public.valid_sovereign_esign(grant_row.sovereign_esign_ref)
  );
COMMENT ON VIEW public.v_build_auth_valid IS
  'Grants that may be used now.';

CREATE FUNCTION public.fn_build_commit_allowed(p_auth_code text, p_step_code text)
RETURNS boolean
LANGUAGE sql
STABLE
AS $$
  SELECT EXISTS (
    SELECT
    FROM public.v_build_auth_valid
    WHERE auth_code = p_auth_code
      AND step_code = p_step_code
  )
$$;
COMMENT ON FUNCTION public.fn_build_commit_allowed(text, text) IS
  'Whether a grant allows a build step to be committed now.';

CREATE FUNCTION public.fn_approval_auto_code() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
  IF btrim(COALESCE(NEW.code, '')) = '' THEN
    NEW.code := 'APR-' || lpad(NEW.id::text, 4, '0');
  END IF;
  RETURN NEW;
END
$$;
COMMENT ON FUNCTION public.fn_approval_auto_code() IS 'Gives APR-nnnn by the id.';

CREATE FUNCTION public.fn_auto_approve_add() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
  IF NEW.action = 'add' AND NEW.status = 'pending' THEN
    NEW.status := 'approved';
    NEW.reviewed_by := 'system_auto_approve';
    NEW.reviewed_at := now();
    NEW.review_note := 'Auto-approved: action=add (low risk, reversible)';
  END IF;
  RETURN NEW;
END
$$;
COMMENT ON FUNCTION public.fn_auto_approve_add() IS
  'Approves a pending request of action add at once.';

CREATE FUNCTION public.fn_apr_quorum_check() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
  IF OLD.status = 'pending'
    AND NEW.status = 'approved'
    AND NOT public.quorum_passed(NEW.code)
  THEN
    RAISE EXCEPTION 'approval_requests: quorum not met for %', NEW.code;
  END IF;
  RETURN NEW;
END
$$;
COMMENT ON FUNCTION public.fn_apr_quorum_check() IS
  'Refuses an approval without its quorum.';

CREATE FUNCTION public.fn_apr_block_unimplemented_handler() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
  IF NEW.status = 'applied'
    AND OLD.status IS DISTINCT FROM 'applied'
    AND EXISTS (
      SELECT
      FROM public.apr_action_types AS kind
      WHERE kind.action_code = NEW.proposed_action_code
        AND kind.handler_ref = 'unimplemented'
    )
  THEN
    RAISE EXCEPTION 'approval_requests: handler of % is unimplemented',
      NEW.proposed_action_code;
  END IF;
  RETURN NEW;
END
$$;
COMMENT ON FUNCTION public.fn_apr_block_unimplemented_handler() IS
  'Refuses to apply what no handler carries out.';

CREATE FUNCTION public.fn_enforce_apr_lifecycle() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
  IF NEW.status IS NOT DISTINCT FROM OLD.status
    OR (OLD.status = 'pending' AND NEW.status IN ('approved', 'rejected', 'expired'))
    OR (OLD.status = 'approved' AND NEW.status IN ('applied', 'rejected', 'expired'))
  THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'approval_requests: % cannot go from % to %',
    NEW.code, OLD.status, NEW.status;
END
$$;
COMMENT ON FUNCTION public.fn_enforce_apr_lifecycle() IS
  'pending to approved to applied; rejected and expired end it.';

RESET ROLE;
