-- The machine: set one governance event type active or inactive; mutates.
--
-- Needs before: a guarded transaction on a clone. Placeholders, filled by Python:
--   event_type, active. Leaves: the type as wanted, its name returned.
-- Undone by: the rollback.

UPDATE public.event_type_registry
SET active = %(active)s::boolean
WHERE event_domain = 'governance'
  AND event_type = %(event_type)s::text
RETURNING event_type;
