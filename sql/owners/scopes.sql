-- O3: the scopes in which everything needs an owner, each with its status.
--
-- Needs before: nothing. Leaves: nothing. Undone by: nothing to undo.
-- A retired scope is told only where it should be active.

SELECT
  scope_code,
  status
FROM public.governance_responsibility_scope
WHERE status = 'active'
  OR scope_code = ANY (%(known)s::text[])
ORDER BY scope_code COLLATE "C";
