-- Triggers of the governance registry, its relations and the law tables.
--
-- Needs before: 51, 52, 57 and their rows. Leaves: nine triggers; none on
--   governance_object_ownership, governance_responsibility_scope or the candidate
--   tables. Undone by: DROP DATABASE. Names beyond the birth ones are inferred.

SET ROLE directus;

CREATE TRIGGER trg_governance_registry_lifecycle
  BEFORE UPDATE OF status ON public.governance_registry
  FOR EACH ROW
  EXECUTE FUNCTION public.fn_governance_registry_lifecycle();

CREATE TRIGGER trg_birth_governance_registry
  AFTER INSERT ON public.governance_registry
  FOR EACH ROW
  EXECUTE FUNCTION public.fn_birth_registry_auto('code');

CREATE TRIGGER trg_auto_label_provenance_governance_registry
  AFTER INSERT ON public.governance_registry
  FOR EACH ROW
  EXECUTE FUNCTION public.fn_auto_label_provenance('code');

CREATE TRIGGER trg_auto_label_assignment_governance_registry
  AFTER INSERT ON public.governance_registry
  FOR EACH ROW
  EXECUTE FUNCTION public.fn_auto_label_assignment('code');

CREATE TRIGGER trg_birth_governance_relations
  AFTER INSERT ON public.governance_relations
  FOR EACH ROW
  EXECUTE FUNCTION public.fn_birth_registry_auto_id();

CREATE TRIGGER trg_law_jurisdiction_one_primary
  BEFORE INSERT OR UPDATE ON public.law_jurisdiction
  FOR EACH ROW
  EXECUTE FUNCTION public.fn_law_jurisdiction_one_primary();

CREATE TRIGGER trg_birth_law_jurisdiction
  AFTER INSERT ON public.law_jurisdiction
  FOR EACH ROW
  EXECUTE FUNCTION public.fn_birth_registry_auto_id();

CREATE TRIGGER trg_law_dot_enforcement_validate
  BEFORE INSERT OR UPDATE ON public.law_dot_enforcement
  FOR EACH ROW
  EXECUTE FUNCTION public.fn_law_dot_enforcement_validate();

CREATE TRIGGER trg_birth_law_dot_enforcement
  AFTER INSERT ON public.law_dot_enforcement
  FOR EACH ROW
  EXECUTE FUNCTION public.fn_birth_registry_auto_id();

RESET ROLE;
