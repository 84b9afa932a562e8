-- The machine: what may be owned, by whom, and what may be emitted; one read.
--
-- Needs before: nothing. Leaves: nothing. Undone by: nothing to undo.
-- Returns (kind, name, detail): objects, active scopes, owner codes, and governance
--   event types with "stream/lane".

SELECT
  'object' AS kind,
  object_ref AS name,
  object_type AS detail
FROM public.v_governance_object_inventory
UNION ALL
SELECT
  'scope',
  scope_code,
  ''
FROM public.governance_responsibility_scope
WHERE status = 'active'
UNION ALL
SELECT
  'owner',
  code,
  ''
FROM public.governance_registry
UNION ALL
SELECT
  'event',
  event_type,
  event_stream || '/' || delivery_lane
FROM public.event_type_registry
WHERE event_domain = 'governance'
ORDER BY
  kind,
  name;
