-- R5, C1 to C3: try to emit one event; mutates if it is not refused.
--
-- Needs before: a guarded transaction on a clone, each call in its own savepoint.
--   Placeholders, filled by Python: the columns of an event; stream and lane may be
--   NULL for what the registry says.
-- Leaves: one outbox row, its id returned; or an error of trigger
--   trg_event_outbox_type_validate, or of the constraint on provenance.
-- Undone by: the rollback.

INSERT INTO public.event_outbox (
  event_domain, event_type, event_stream, delivery_lane, event_severity,
  event_subject_table, event_subject_ref, canonical_address, actor_ref,
  source_system, payload_classification, safe_payload
)
SELECT
  wanted.event_domain,
  wanted.event_type,
  COALESCE(wanted.event_stream, kind.event_stream, 'health'),
  COALESCE(wanted.delivery_lane, kind.delivery_lane, 'delayed'),
  wanted.event_severity,
  wanted.subject_table,
  'all',
  wanted.canonical_address,
  wanted.actor_ref,
  wanted.source_system,
  wanted.classification,
  jsonb_build_object(
    'gap_cells', (SELECT count(*) FROM public.v_object_owner_gap)
  )
FROM (
  SELECT
    %(event_domain)s::text AS event_domain,
    %(event_type)s::text AS event_type,
    %(event_stream)s::text AS event_stream,
    %(delivery_lane)s::text AS delivery_lane,
    %(event_severity)s::text AS event_severity,
    %(subject_table)s::text AS subject_table,
    %(canonical_address)s::text AS canonical_address,
    %(actor_ref)s::text AS actor_ref,
    %(source_system)s::text AS source_system,
    %(classification)s::text AS classification
) AS wanted
LEFT JOIN public.event_type_registry AS kind
  ON kind.event_domain = wanted.event_domain
  AND kind.event_type = wanted.event_type
RETURNING id;
