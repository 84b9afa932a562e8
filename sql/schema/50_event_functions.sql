-- Functions of the outbox: validate a type, emit, read.
--
-- Needs before: 11. Leaves: five functions owned by directus; the trigger comes
--   with 60. Undone by: DROP DATABASE.
--
-- Inferred: the order of the checks and all texts but the stream mismatch; the
-- gate of the emit functions, setting app.iu_event_emit, closed by default.

SET ROLE directus;

CREATE FUNCTION public.fn_event_type_validate() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, public
AS $$
DECLARE
  registered public.event_type_registry%ROWTYPE;
BEGIN
  SELECT *
  INTO registered
  FROM public.event_type_registry
  WHERE event_domain = NEW.event_domain
    AND event_type = NEW.event_type;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'event_type_registry: unknown (domain, type) — (%, %)',
      NEW.event_domain, NEW.event_type;
  END IF;
  IF NOT registered.active THEN
    RAISE EXCEPTION 'event_type_registry: (%, %) is inactive',
      NEW.event_domain, NEW.event_type;
  END IF;
  IF NEW.event_stream IS DISTINCT FROM registered.event_stream THEN
    RAISE EXCEPTION 'event_type_registry: stream mismatch — registry=% got=%',
      registered.event_stream, NEW.event_stream;
  END IF;
  IF NEW.delivery_lane IS DISTINCT FROM registered.delivery_lane THEN
    RAISE EXCEPTION 'event_type_registry: lane mismatch — registry=% got=%',
      registered.delivery_lane, NEW.delivery_lane;
  END IF;
  RETURN NEW;
END
$$;
COMMENT ON FUNCTION public.fn_event_type_validate() IS
  'Refuses an event whose type is unknown, inactive, or of another stream or lane.';

CREATE FUNCTION public.fn_iu_emit_event(
  p_event_type text,
  p_subject_table text,
  p_subject_ref uuid,
  p_canonical_address text,
  p_payload jsonb
) RETURNS uuid
LANGUAGE plpgsql
AS $$
DECLARE
  registered public.event_type_registry%ROWTYPE;
  emitted uuid;
BEGIN
  IF COALESCE(current_setting('app.iu_event_emit', true), '') <> 'on' THEN
    RETURN NULL;
  END IF;
  SELECT *
  INTO registered
  FROM public.event_type_registry
  WHERE event_domain = 'iu'
    AND event_type = p_event_type
    AND active;
  IF NOT FOUND THEN
    RETURN NULL;
  END IF;
  INSERT INTO public.event_outbox (
    event_domain, event_type, event_stream, delivery_lane, event_severity,
    event_subject_table, event_subject_ref, canonical_address,
    payload_classification, safe_payload
  )
  VALUES (
    'iu', p_event_type, registered.event_stream, registered.delivery_lane,
    registered.default_severity, p_subject_table, p_subject_ref::text,
    p_canonical_address, 'safe_metadata', COALESCE(p_payload, '{}')
  )
  RETURNING id INTO emitted;
  RETURN emitted;
END
$$;
COMMENT ON FUNCTION public.fn_iu_emit_event(text, text, uuid, text, jsonb) IS
  'Emits an iu event; NULL while its gate is closed or the type is inactive.';

CREATE FUNCTION public.fn_iu_piece_emit_event(
  p_event_type text,
  p_subject_table text,
  p_subject_ref uuid,
  p_canonical_address text,
  p_payload jsonb
) RETURNS uuid
LANGUAGE plpgsql
AS $$
DECLARE
  registered public.event_type_registry%ROWTYPE;
  emitted uuid;
BEGIN
  IF COALESCE(current_setting('app.iu_event_emit', true), '') <> 'on' THEN
    RETURN NULL;
  END IF;
  SELECT *
  INTO registered
  FROM public.event_type_registry
  WHERE event_domain = 'piece'
    AND event_type = p_event_type
    AND active;
  IF NOT FOUND THEN
    RETURN NULL;
  END IF;
  INSERT INTO public.event_outbox (
    event_domain, event_type, event_stream, delivery_lane, event_severity,
    event_subject_table, event_subject_ref, canonical_address,
    payload_classification, safe_payload
  )
  VALUES (
    'piece', p_event_type, registered.event_stream, registered.delivery_lane,
    registered.default_severity, p_subject_table, p_subject_ref::text,
    p_canonical_address, 'safe_metadata', COALESCE(p_payload, '{}')
  )
  RETURNING id INTO emitted;
  RETURN emitted;
END
$$;
COMMENT ON FUNCTION public.fn_iu_piece_emit_event(text, text, uuid, text, jsonb) IS
  'Emits a piece event; NULL while its gate is closed or the type is inactive.';

CREATE FUNCTION public.fn_event_unread(p_actor_ref text)
RETURNS SETOF public.event_outbox
LANGUAGE sql
STABLE
AS $$
  SELECT event.*
  FROM public.event_outbox AS event
  JOIN public.event_subscription AS subscription
    ON subscription.event_domain = event.event_domain
    AND (
      subscription.event_stream IS NULL
      OR subscription.event_stream = event.event_stream
    )
  WHERE subscription.actor_ref = p_actor_ref
    AND subscription.active
    AND NOT EXISTS (
      SELECT
      FROM public.event_read AS seen
      WHERE seen.event_id = event.id
        AND seen.actor_ref = p_actor_ref
    )
  ORDER BY event.occurred_at, event.id
$$;
COMMENT ON FUNCTION public.fn_event_unread(text) IS
  'Events of an actor''s subscriptions that it has not read.';

CREATE FUNCTION public.fn_event_mark_read(p_event_id uuid, p_actor_ref text)
RETURNS void
LANGUAGE sql
AS $$
  INSERT INTO public.event_read (event_id, actor_ref, read_status_source)
  VALUES (p_event_id, p_actor_ref, 'explicit')
  ON CONFLICT (event_id, actor_ref) DO NOTHING
$$;
COMMENT ON FUNCTION public.fn_event_mark_read(uuid, text) IS
  'Notes that an actor has read an event.';

RESET ROLE;
