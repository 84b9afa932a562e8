-- R5, C1 to C3: try to emit one governance event; mutates if it is not refused.
--
-- Needs before: a guarded transaction on a clone, each call in its own savepoint.
--   Placeholders, filled by Python: event_type, event_stream, delivery_lane (both
--   NULL for what the registry says), canonical_address.
-- Leaves: one outbox row, its id returned; or an error of trigger
--   trg_event_outbox_type_validate, or of the constraint on provenance.
-- Undone by: the rollback.

INSERT INTO public.event_outbox (
  event_domain, event_type, event_stream, delivery_lane, event_severity,
  event_subject_table, event_subject_ref, canonical_address, actor_ref,
  source_system, safe_payload
)
SELECT
  'governance',
  wanted.event_type,
  COALESCE(wanted.event_stream, kind.event_stream, 'health'),
  COALESCE(wanted.delivery_lane, kind.delivery_lane, 'delayed'),
  'info',
  'v_object_owner_gap',
  'all',
  wanted.canonical_address,
  'gov:clone-test',
  'clone_test',
  jsonb_build_object(
    'gap_cells', (SELECT count(*) FROM public.v_object_owner_gap)
  )
FROM (
  SELECT
    %(event_type)s::text AS event_type,
    %(event_stream)s::text AS event_stream,
    %(delivery_lane)s::text AS delivery_lane,
    %(canonical_address)s::text AS canonical_address
) AS wanted
LEFT JOIN public.event_type_registry AS kind
  ON kind.event_domain = 'governance'
  AND kind.event_type = wanted.event_type
RETURNING id;
