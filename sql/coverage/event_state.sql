-- R5.3: governance events emitted, and governance types by whether active; one read.
--
-- Needs before: nothing. Leaves: nothing. Undone by: nothing to undo.

SELECT
  (
    SELECT count(*)
    FROM public.event_outbox
    WHERE event_domain = 'governance'
  ) AS gov_emit,
  count(*) AS gov_types,
  count(*) FILTER (WHERE active) AS gov_active
FROM public.event_type_registry
WHERE event_domain = 'governance';
