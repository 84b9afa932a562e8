-- The eleven triggers of collection_registry.
--
-- Needs before: 51 to 54 and the registry rows. Leaves: five triggers before, six
--   after. Undone by: DROP DATABASE. Names beyond the birth and gate ones are inferred.

SET ROLE directus;

CREATE TRIGGER gen_code_collection_registry
  BEFORE INSERT ON public.collection_registry
  FOR EACH ROW
  EXECUTE FUNCTION public.gen_code_collection_registry();

CREATE TRIGGER trg_before_birth_gate_collection_registry
  BEFORE INSERT ON public.collection_registry
  FOR EACH ROW
  EXECUTE FUNCTION public.fn_birth_gate('code');

CREATE TRIGGER trg_description_birth_guard_collection_registry
  BEFORE INSERT ON public.collection_registry
  FOR EACH ROW
  EXECUTE FUNCTION public.fn_description_birth_guard();

CREATE TRIGGER trg_validate_dot_origin_collection_registry
  BEFORE INSERT OR UPDATE ON public.collection_registry
  FOR EACH ROW
  EXECUTE FUNCTION public.fn_validate_dot_origin();

CREATE TRIGGER trg_collection_onboarding_soft_gate
  BEFORE INSERT OR UPDATE ON public.collection_registry
  FOR EACH ROW
  EXECUTE FUNCTION public.fn_collection_onboarding_soft_gate();

CREATE TRIGGER birth_trigger_collection_registry
  AFTER INSERT ON public.collection_registry
  FOR EACH ROW
  EXECUTE FUNCTION public.fn_birth_registry_auto('code');

CREATE TRIGGER trg_birth_collection_registry
  AFTER INSERT ON public.collection_registry
  FOR EACH ROW
  EXECUTE FUNCTION public.fn_birth_registry_auto('code');

CREATE TRIGGER trg_auto_label_provenance_collection_registry
  AFTER INSERT ON public.collection_registry
  FOR EACH ROW
  EXECUTE FUNCTION public.fn_auto_label_provenance('code');

CREATE TRIGGER trg_auto_label_assignment_collection_registry
  AFTER INSERT ON public.collection_registry
  FOR EACH ROW
  EXECUTE FUNCTION public.fn_auto_label_assignment('code');

CREATE TRIGGER trg_refresh_collection_count
  AFTER INSERT OR UPDATE OR DELETE ON public.collection_registry
  FOR EACH STATEMENT
  EXECUTE FUNCTION public.fn_refresh_collection_count();

CREATE TRIGGER trg_refresh_orphan_col
  AFTER INSERT OR UPDATE OR DELETE ON public.collection_registry
  FOR EACH STATEMENT
  EXECUTE FUNCTION public.trg_fn_refresh_orphan_col();

RESET ROLE;
