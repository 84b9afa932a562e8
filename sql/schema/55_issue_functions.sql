-- Functions of system_issues: log, number, date, capture as event.
--
-- Needs before: 11, 12. Leaves: fn_log_issue and four trigger functions.
-- Undone by: DROP DATABASE. Inferred: the three BEFORE functions and who reads.

SET ROLE directus;

-- Blind INSERT, as on 2026-06-02; merging on coalesce_key came later.
CREATE FUNCTION public.fn_log_issue(
  p_source text,
  p_severity text,
  p_title text,
  p_description text,
  p_entity_type text,
  p_entity_code text,
  p_issue_type text,
  p_evidence jsonb,
  p_run_id text,
  p_status text DEFAULT 'open'
) RETURNS integer
LANGUAGE plpgsql
AS $$
DECLARE
  logged integer;
BEGIN
  IF btrim(COALESCE(p_source, '')) = '' THEN
    RAISE EXCEPTION 'fn_log_issue: p_source required';
  END IF;
  INSERT INTO public.system_issues (
    title, description, severity, status, source, entity_type, entity_code,
    issue_type, evidence_snapshot, run_id
  )
  VALUES (
    p_title,
    p_description,
    CASE p_severity
      WHEN 'warn' THEN 'warning'
      WHEN 'normal' THEN 'info'
      ELSE p_severity
    END,
    p_status,
    p_source,
    p_entity_type,
    p_entity_code,
    p_issue_type,
    p_evidence::json,
    p_run_id
  )
  RETURNING id INTO logged;
  RETURN logged;
END
$$;
COMMENT ON FUNCTION
  public.fn_log_issue(text, text, text, text, text, text, text, jsonb, text, text)
IS 'Logs an issue and returns its id.';

CREATE FUNCTION public.gen_code_system_issues() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
  IF btrim(COALESCE(NEW.code, '')) = '' THEN
    NEW.code := 'ISS-' || lpad(NEW.id::text, 6, '0');
  END IF;
  RETURN NEW;
END
$$;
COMMENT ON FUNCTION public.gen_code_system_issues() IS 'Gives ISS-nnnnnn by the id.';

CREATE FUNCTION public.fn_issue_first_seen() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
  NEW.first_seen_at := COALESCE(NEW.first_seen_at, now());
  NEW.last_seen_at := COALESCE(NEW.last_seen_at, NEW.first_seen_at);
  NEW.detected_at := COALESCE(NEW.detected_at, NEW.first_seen_at);
  NEW.occurrence_count := COALESCE(NEW.occurrence_count, 1);
  NEW.reopen_count := COALESCE(NEW.reopen_count, 0);
  RETURN NEW;
END
$$;
COMMENT ON FUNCTION public.fn_issue_first_seen() IS 'Dates a new issue.';

CREATE FUNCTION public.fn_issue_status_change() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
  IF NEW.status = 'resolved' AND OLD.status IS DISTINCT FROM 'resolved' THEN
    NEW.resolved_at := COALESCE(NEW.resolved_at, now());
  ELSIF NEW.status = 'open' AND OLD.status IN ('resolved', 'archived') THEN
    NEW.reopen_count := COALESCE(OLD.reopen_count, 0) + 1;
    NEW.resolved_at := NULL;
  END IF;
  RETURN NEW;
END
$$;
COMMENT ON FUNCTION public.fn_issue_status_change() IS
  'Dates the end of an issue and counts its returns.';

CREATE FUNCTION public.fn_issue_event_capture() RETURNS trigger
LANGUAGE plpgsql
AS $$
DECLARE
  captured uuid;
  actor text := COALESCE(NEW.source, 'system');
BEGIN
  IF TG_OP = 'UPDATE' AND NEW.status IS NOT DISTINCT FROM OLD.status THEN
    RETURN NULL;
  END IF;
  INSERT INTO public.event_outbox (
    event_domain, event_type, event_stream, delivery_lane, event_severity,
    event_subject_table, event_subject_ref, actor_ref, source_system,
    payload_classification, safe_payload
  )
  SELECT
    kind.event_domain,
    kind.event_type,
    kind.event_stream,
    kind.delivery_lane,
    NEW.severity,
    'system_issues',
    NEW.code,
    actor,
    COALESCE(NEW.source_system, 'pg'),
    'safe_metadata',
    jsonb_build_object('severity', NEW.severity, 'issue_type', NEW.issue_type)
  FROM public.event_type_registry AS kind
  WHERE kind.event_domain = 'system'
    AND kind.active
    AND kind.event_type = CASE NEW.status
      WHEN 'resolved' THEN 'issue_resolved'
      WHEN 'archived' THEN 'issue_archived'
      ELSE 'issue_opened'
    END
  ON CONFLICT DO NOTHING
  RETURNING id INTO captured;
  IF captured IS NOT NULL THEN
    INSERT INTO public.event_read (event_id, actor_ref, read_status_source)
    VALUES (captured, actor, 'implicit_self');
  END IF;
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION public.fn_issue_event_capture() IS
  'Writes an issue''s change of status into the outbox, read by its source.';

RESET ROLE;
