-- The thirteen triggers of dot_tools.
--
-- Needs before: 51 to 54 and the tool rows. Leaves: five triggers before, eight
--   after; only trg_context_pack_dot_register notifies, and only of an active tool of
--   tier A, B or C. Undone by: DROP DATABASE. Trigger names beyond the birth, gate and
--   context pack ones are inferred.

SET ROLE directus;

CREATE TRIGGER gen_code_dot_tools
  BEFORE INSERT ON public.dot_tools
  FOR EACH ROW
  EXECUTE FUNCTION public.gen_code_dot_tools();

CREATE TRIGGER trg_before_birth_gate_dot_tools
  BEFORE INSERT ON public.dot_tools
  FOR EACH ROW
  EXECUTE FUNCTION public.fn_birth_gate('code');

CREATE TRIGGER trg_validate_dot_origin_dot_tools
  BEFORE INSERT OR UPDATE ON public.dot_tools
  FOR EACH ROW
  EXECUTE FUNCTION public.fn_validate_dot_origin();

CREATE TRIGGER trg_normalize_dot_filepath
  BEFORE INSERT OR UPDATE OF file_path ON public.dot_tools
  FOR EACH ROW
  EXECUTE FUNCTION public.fn_normalize_dot_filepath();

CREATE TRIGGER trg_description_birth_guard_dot_tools
  BEFORE INSERT ON public.dot_tools
  FOR EACH ROW
  EXECUTE FUNCTION public.fn_description_birth_guard();

CREATE TRIGGER birth_trigger_dot_tools
  AFTER INSERT ON public.dot_tools
  FOR EACH ROW
  EXECUTE FUNCTION public.fn_birth_registry_auto('code');

CREATE TRIGGER trg_birth_dot_tools
  AFTER INSERT ON public.dot_tools
  FOR EACH ROW
  EXECUTE FUNCTION public.fn_birth_registry_auto('code');

CREATE TRIGGER trg_auto_label_provenance_dot_tools
  AFTER INSERT ON public.dot_tools
  FOR EACH ROW
  EXECUTE FUNCTION public.fn_auto_label_provenance('code');

CREATE TRIGGER trg_auto_label_assignment_dot_tools
  AFTER INSERT ON public.dot_tools
  FOR EACH ROW
  EXECUTE FUNCTION public.fn_auto_label_assignment('code');

CREATE TRIGGER trg_refresh_count_dot_tools
  AFTER INSERT OR DELETE ON public.dot_tools
  FOR EACH ROW
  EXECUTE FUNCTION public.refresh_registry_count();

CREATE TRIGGER trg_refresh_dot_count
  AFTER INSERT OR UPDATE OR DELETE ON public.dot_tools
  FOR EACH STATEMENT
  EXECUTE FUNCTION public.fn_refresh_dot_count();

CREATE TRIGGER trg_refresh_orphan_dot
  AFTER INSERT OR UPDATE OR DELETE ON public.dot_tools
  FOR EACH STATEMENT
  EXECUTE FUNCTION public.trg_fn_refresh_orphan_dot();

CREATE TRIGGER trg_context_pack_dot_register
  AFTER INSERT OR UPDATE OF status, tier ON public.dot_tools
  FOR EACH ROW
  EXECUTE FUNCTION public.fn_context_pack_on_dot_register();

RESET ROLE;
