-- O3: the scopes in which everything needs an owner, each with its status.
--
-- Needs before: nothing. Leaves: nothing. Undone by: nothing to undo.
-- A retired scope is told only where it should be active.

SELECT
  scope.scope_code,
  scope.status
FROM public.governance_responsibility_scope AS scope
WHERE scope.status = 'active'
  OR scope.scope_code = ANY (%(known)s::text[])
ORDER BY scope.scope_code COLLATE "C";
