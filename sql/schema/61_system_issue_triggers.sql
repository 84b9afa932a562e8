-- The nine triggers of system_issues.
--
-- Needs before: 51, 52, 53, 55 and the issue rows. Leaves: an insert there writes a
--   birth, an outbox row, an implicit read, labels and a count.
-- Undone by: DROP DATABASE. The two birth triggers are a duplicate pair, as in
-- production; the second finds the birth and does nothing.

SET ROLE directus;

CREATE TRIGGER gen_code_system_issues
  BEFORE INSERT ON public.system_issues
  FOR EACH ROW
  EXECUTE FUNCTION public.gen_code_system_issues();

CREATE TRIGGER trg_issue_first_seen
  BEFORE INSERT ON public.system_issues
  FOR EACH ROW
  EXECUTE FUNCTION public.fn_issue_first_seen();

CREATE TRIGGER trg_issue_status_change
  BEFORE UPDATE OF status ON public.system_issues
  FOR EACH ROW
  EXECUTE FUNCTION public.fn_issue_status_change();

CREATE TRIGGER birth_trigger_system_issues
  AFTER INSERT ON public.system_issues
  FOR EACH ROW
  EXECUTE FUNCTION public.fn_birth_registry_auto('code');

CREATE TRIGGER trg_birth_system_issues
  AFTER INSERT ON public.system_issues
  FOR EACH ROW
  EXECUTE FUNCTION public.fn_birth_registry_auto('code');

CREATE TRIGGER trg_issue_event_capture
  AFTER INSERT OR UPDATE OF status ON public.system_issues
  FOR EACH ROW
  EXECUTE FUNCTION public.fn_issue_event_capture();

CREATE TRIGGER trg_auto_label_provenance_system_issues
  AFTER INSERT ON public.system_issues
  FOR EACH ROW
  EXECUTE FUNCTION public.fn_auto_label_provenance('code');

CREATE TRIGGER trg_auto_label_assignment_system_issues
  AFTER INSERT ON public.system_issues
  FOR EACH ROW
  EXECUTE FUNCTION public.fn_auto_label_assignment('code');

CREATE TRIGGER trg_refresh_count_system_issues
  AFTER INSERT OR DELETE ON public.system_issues
  FOR EACH ROW
  EXECUTE FUNCTION public.refresh_registry_count();

RESET ROLE;
