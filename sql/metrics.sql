-- The figures that entry and exit of a run must agree in (domain: checks, P suite).
-- Needs: the One Roof schema; the axis substrate may be absent.
-- Leaves: nothing. Returns (metric, value), in the order of the name.
SELECT metric, value
  FROM (
    SELECT 'own' AS metric, count(*) AS value FROM public.governance_object_ownership
    UNION ALL
    SELECT 'gap', count(*) FROM public.v_object_owner_gap
    UNION ALL
    SELECT 'conflict', count(*) FROM public.v_object_owner_conflict
    UNION ALL
    SELECT 'inventory', count(*) FROM public.v_governance_object_inventory
    UNION ALL
    SELECT 'containment', count(*) FROM public.v_governance_object_containment
    UNION ALL
    SELECT 'scopes', count(*) FROM public.governance_responsibility_scope
     WHERE status = 'active'
    UNION ALL
    SELECT 'ospa', count(*) FROM public.os_proposal_approvals
    UNION ALL
    SELECT 'gov_emit', count(*) FROM public.event_outbox
     WHERE event_domain = 'governance'
    UNION ALL
    SELECT 'gov_active', count(*) FROM public.event_type_registry
     WHERE event_domain = 'governance' AND active
    UNION ALL
    SELECT 'ruleset', count(*) FROM public.governance_ruleset
    UNION ALL
    SELECT 'scan_run', count(*) FROM public.candidate_scan_run
    UNION ALL
    SELECT 'candidate_state', count(*) FROM public.governance_candidate_state
    UNION ALL
    SELECT 'candidate_object', count(*) FROM public.governance_candidate_object
    UNION ALL
    SELECT 'cursor', count(*) FROM public.gov_worker_cursor
    UNION ALL
    SELECT 'axis_tables', count(*)
      FROM pg_catalog.pg_class AS c
      JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
     WHERE n.nspname = 'public'
       AND c.relkind IN ('r', 'p')
       AND lower(c.relname) IN ('axis_registry', 'axis_value', 'axis_assignment',
                         'coverage_rule', 'axis_object_ownership',
                         'axis_candidate_finding')
    UNION ALL
    SELECT 'dot_tools', count(*) FROM public.dot_tools
    UNION ALL
    SELECT 'approval_requests', count(*) FROM public.approval_requests
    UNION ALL
    SELECT 'apr_approvals', count(*) FROM public.apr_approvals
    UNION ALL
    SELECT 'apr_action_types', count(*) FROM public.apr_action_types
  ) AS metrics
 ORDER BY metric
