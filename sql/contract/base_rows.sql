-- The rows of the base tables that the read contract tells about; one read.
--
-- Needs before: nothing. Leaves: nothing. Undone by: nothing to undo.
--
-- No governance view and no join: what each endpoint has to say is worked out from
-- these rows in Python (suites/contract_model.py), apart from any view.

SELECT jsonb_build_object(
  'objects', (
    SELECT jsonb_agg(
      jsonb_build_object('ref', collection_name::text, 'group', "group"::text)
      ORDER BY collection_name COLLATE "C"
    )
    FROM public.collection_registry
    WHERE governance_role = 'governed'
      AND coverage_status = 'BIRTH_REQUIRED'
  ),
  'scopes', (
    SELECT jsonb_agg(
      jsonb_build_object('scope', scope_code, 'description', description)
      ORDER BY scope_code COLLATE "C"
    )
    FROM public.governance_responsibility_scope
    WHERE status = 'active'
  ),
  'owners', (
    SELECT jsonb_agg(
      jsonb_build_object(
        'type', object_type,
        'ref', object_ref,
        'scope', scope,
        'kind', owner_kind,
        'code', owner_gov_code,
        'anchor', is_inherited_anchor
      )
      ORDER BY id
    )
    FROM public.governance_object_ownership
    WHERE owner_kind = 'accountable'
      AND lifecycle_status = 'active'
      AND (effective_from IS NULL OR effective_from <= now())
      AND (effective_to IS NULL OR effective_to > now())
      AND owner_gov_code IN (
        SELECT code FROM public.governance_registry WHERE status IN ('active', 'draft')
      )
  ),
  'names', (
    SELECT jsonb_object_agg(code, name ORDER BY code COLLATE "C")
    FROM public.governance_registry
  ),
  'runs', (
    SELECT jsonb_agg(
      to_jsonb(run) || jsonb_build_object('at', extract(epoch FROM run.started_at))
      ORDER BY run.run_id COLLATE "C"
    )
    FROM public.candidate_scan_run AS run
  ),
  'states', (
    SELECT jsonb_agg(group_key ORDER BY group_key COLLATE "C")
    FROM public.governance_candidate_state
  ),
  'candidates', (
    SELECT jsonb_agg(candidate_key ORDER BY candidate_key COLLATE "C")
    FROM public.governance_candidate_object
  ),
  'cursors', (
    SELECT jsonb_agg(
      to_jsonb(cursor)
        || jsonb_build_object('at', extract(epoch FROM cursor.last_watermark_ts))
      ORDER BY cursor.worker_name COLLATE "C", cursor.source_name COLLATE "C"
    )
    FROM public.gov_worker_cursor AS cursor
  ),
  'types', (
    SELECT jsonb_agg(to_jsonb(kind) ORDER BY kind.event_type COLLATE "C")
    FROM public.event_type_registry AS kind
    WHERE kind.event_domain = 'governance'
  ),
  'emitted', (
    SELECT jsonb_object_agg(event_type, events ORDER BY event_type COLLATE "C")
    FROM (
      SELECT
        event_type,
        count(*) AS events
      FROM public.event_outbox
      WHERE event_domain = 'governance'
      GROUP BY event_type
    ) AS emitted
  )
) AS base_rows;
