-- C2.2: the governance rows in the outbox, as they were written.
--
-- Needs before: nothing. Leaves: nothing; reads only.

SELECT
  event_type,
  event_stream,
  delivery_lane,
  canonical_address,
  actor_ref,
  source_system,
  safe_payload
FROM public.event_outbox
WHERE event_domain = 'governance'
ORDER BY
  created_at,
  id;
