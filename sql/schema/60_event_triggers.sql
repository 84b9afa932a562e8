-- The one trigger of event_outbox.
--
-- Needs before: 50 and the outbox rows. Leaves: trg_event_outbox_type_validate; no
--   AFTER trigger and no NOTIFY: an insert dispatches nothing.
-- Undone by: DROP DATABASE.

SET ROLE directus;

CREATE TRIGGER trg_event_outbox_type_validate
  BEFORE INSERT ON public.event_outbox
  FOR EACH ROW
  EXECUTE FUNCTION public.fn_event_type_validate();
COMMENT ON TRIGGER trg_event_outbox_type_validate ON public.event_outbox IS
  'Fail-closed: unknown, inactive, wrong stream, wrong lane.';

RESET ROLE;
