-- The six triggers of approval_requests, and the birth of action types.
--
-- Needs before: 51, 56 and the approval rows. Leaves: seven triggers.
-- Undone by: DROP DATABASE.
--
-- apr_action_types has neither code nor id: its birth names action_code (without
-- it, entity_code was null and every insert failed).

SET ROLE directus;

CREATE TRIGGER trg_approval_auto_code
  BEFORE INSERT ON public.approval_requests
  FOR EACH ROW
  EXECUTE FUNCTION public.fn_approval_auto_code();

CREATE TRIGGER trg_apr_auto_approve
  BEFORE INSERT ON public.approval_requests
  FOR EACH ROW
  EXECUTE FUNCTION public.fn_auto_approve_add();

CREATE TRIGGER trg_apr_quorum_check
  BEFORE UPDATE OF status ON public.approval_requests
  FOR EACH ROW
  WHEN (OLD.status = 'pending' AND NEW.status = 'approved')
  EXECUTE FUNCTION public.fn_apr_quorum_check();

CREATE TRIGGER trg_apr_block_unimplemented
  BEFORE UPDATE ON public.approval_requests
  FOR EACH ROW
  WHEN (NEW.status = 'applied')
  EXECUTE FUNCTION public.fn_apr_block_unimplemented_handler();

CREATE TRIGGER trg_apr_lifecycle
  BEFORE UPDATE OF status ON public.approval_requests
  FOR EACH ROW
  EXECUTE FUNCTION public.fn_enforce_apr_lifecycle();

CREATE TRIGGER trg_birth_approval_requests
  AFTER INSERT ON public.approval_requests
  FOR EACH ROW
  EXECUTE FUNCTION public.fn_birth_registry_auto('code');

CREATE TRIGGER trg_birth_apr_action_types
  AFTER INSERT ON public.apr_action_types
  FOR EACH ROW
  EXECUTE FUNCTION public.fn_birth_registry_auto('action_code');

RESET ROLE;
