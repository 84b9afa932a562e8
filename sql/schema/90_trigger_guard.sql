-- TRIGGER-GUARD: every trigger that is made or altered is logged and told.
--
-- Needs before: everything else, so that building the stand-in logs nothing.
-- Leaves: trigger_guard_alerts with the 128 rows of 2026-06-02, and the event
--   trigger trigger_guard, which belongs to the superuser. Undone by: DROP DATABASE.
--
-- Inferred: columns of the table, content of the rows, that DROP is not logged.

SET ROLE directus;

CREATE TABLE public.trigger_guard_alerts (
  id bigserial PRIMARY KEY,
  detected_at timestamptz NOT NULL DEFAULT now(),
  command_tag text NOT NULL,
  object_identity text NOT NULL,
  detected_by text NOT NULL DEFAULT session_user
);
COMMENT ON TABLE public.trigger_guard_alerts IS
  'Trigger DDL, as the event trigger trigger_guard saw it.';

INSERT INTO public.trigger_guard_alerts (
  id, detected_at, command_tag, object_identity, detected_by
)
SELECT
  n,
  timestamptz '2026-02-01 00:00:00+00' + n * interval '22 hours',
  'CREATE TRIGGER',
  known.object_identity,
  'workflow_admin'
FROM generate_series(1, 128) AS n
JOIN (
  SELECT
    row_number() OVER (
      ORDER BY class.relname COLLATE "C", made.tgname COLLATE "C"
    ) - 1 AS position,
    count(*) OVER () AS total,
    format('%s on public.%s', made.tgname, class.relname) AS object_identity
  FROM pg_catalog.pg_trigger AS made
  JOIN pg_catalog.pg_class AS class
    ON class.oid = made.tgrelid
  WHERE NOT made.tgisinternal
    AND class.relnamespace = 'public'::regnamespace
) AS known
  ON known.position = n % known.total
ORDER BY n;

SELECT setval('public.trigger_guard_alerts_id_seq', 128);

GRANT SELECT ON public.trigger_guard_alerts TO context_pack_readonly, workflow_admin;
GRANT INSERT ON public.trigger_guard_alerts TO workflow_admin;
GRANT USAGE ON SEQUENCE public.trigger_guard_alerts_id_seq TO workflow_admin;

CREATE FUNCTION public.fn_trigger_guard() RETURNS event_trigger
LANGUAGE plpgsql
AS $$
DECLARE
  command record;
BEGIN
  FOR command IN
    SELECT command_tag, object_identity
    FROM pg_event_trigger_ddl_commands()
    WHERE object_type = 'trigger'
  LOOP
    INSERT INTO public.trigger_guard_alerts (command_tag, object_identity)
    VALUES (command.command_tag, command.object_identity);
    RAISE WARNING '[TRIGGER-GUARD] DDL detected: % on %',
      command.command_tag, command.object_identity;
  END LOOP;
END
$$;
COMMENT ON FUNCTION public.fn_trigger_guard() IS
  'Logs trigger DDL into trigger_guard_alerts and warns of it.';

RESET ROLE;

CREATE EVENT TRIGGER trigger_guard
  ON ddl_command_end
  WHEN TAG IN ('CREATE TRIGGER', 'ALTER TRIGGER')
  EXECUTE FUNCTION public.fn_trigger_guard();
COMMENT ON EVENT TRIGGER trigger_guard IS
  'TRIGGER-GUARD of One Roof; logs into public.trigger_guard_alerts.';
