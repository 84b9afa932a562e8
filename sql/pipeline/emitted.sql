-- The machine: governance events in the outbox, and those without provenance; one read.
--
-- Needs before: nothing. Leaves: nothing. Undone by: nothing to undo.

SELECT
  count(*) AS emitted,
  count(*) FILTER (WHERE canonical_address IS NULL) AS without_provenance
FROM public.event_outbox
WHERE event_domain = 'governance';
