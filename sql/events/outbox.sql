-- C0, C2, C5: the outbox and the governance types.
--
-- Needs before: nothing. Leaves: nothing; reads only. Returns total rows of the
--   outbox, governance rows in it (gov_emit), governance types, active ones among
--   them (gov_active). A count of 0 over an empty outbox would say nothing.

SELECT
  (SELECT count(*) FROM public.event_outbox) AS total,
  (
    SELECT count(*) FROM public.event_outbox WHERE event_domain = 'governance'
  ) AS gov_emit,
  (
    SELECT count(*) FROM public.event_type_registry WHERE event_domain = 'governance'
  ) AS gov_types,
  (
    SELECT count(*)
    FROM public.event_type_registry
    WHERE event_domain = 'governance'
      AND active
  ) AS gov_active;
