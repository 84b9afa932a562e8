-- Responsibility scopes: a seventh scope is a row, not DDL.
--
-- Needs before: 04. Leaves: governance_responsibility_scope, empty, no trigger.
-- Undone by: DROP DATABASE.

SET ROLE directus;

CREATE TABLE public.governance_responsibility_scope (
  scope_code text PRIMARY KEY,
  default_owner_hint text REFERENCES public.governance_registry (code),
  status text NOT NULL
);
COMMENT ON TABLE public.governance_responsibility_scope IS
  'Every governed object needs one accountable owner per active scope.';

RESET ROLE;
