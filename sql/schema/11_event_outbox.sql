-- Event types, the outbox, and who has read what.
--
-- Needs before: 01. Leaves: five empty tables; triggers come with 60. The outbox
--   has no foreign key to event_type_registry: a trigger validates instead.
-- Undone by: DROP DATABASE.

SET ROLE directus;

CREATE TABLE public.event_type_registry (
  event_domain text NOT NULL,
  event_type text NOT NULL,
  event_stream text NOT NULL
    CHECK (
      event_stream IN (
        'comment', 'review', 'update', 'birth', 'task', 'alert', 'health'
      )
    ),
  delivery_lane text NOT NULL CHECK (delivery_lane IN ('immediate', 'delayed')),
  default_severity text
    CHECK (default_severity IN ('info', 'warning', 'critical')),
  active boolean NOT NULL DEFAULT false,
  description text,
  PRIMARY KEY (event_domain, event_type)
);
COMMENT ON TABLE public.event_type_registry IS
  'What may be emitted; an inactive type is refused by the outbox.';

CREATE TABLE public.event_outbox (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  event_domain text NOT NULL
    CHECK (
      event_domain IN (
        'iu', 'birth_registry', 'governance', 'tac', 'kg',
        'system', 'dot', 'health', 'piece'
      )
    ),
  event_type text NOT NULL,
  event_stream text NOT NULL
    CHECK (
      event_stream IN (
        'comment', 'review', 'update', 'birth', 'task', 'alert', 'health'
      )
    ),
  delivery_lane text NOT NULL,
  event_severity text,
  event_subject_table text NOT NULL,
  event_subject_ref text NOT NULL,
  canonical_address text,
  actor_ref text,
  source_system text,
  correlation_id uuid,
  causation_event_id uuid,
  payload_classification text NOT NULL DEFAULT 'safe_metadata'
    CHECK (payload_classification IN ('safe_metadata', 'restricted')),
  safe_payload jsonb NOT NULL DEFAULT '{}'
    CHECK (
      NOT safe_payload ?| ARRAY[
        'body', 'content', 'raw', 'vector', 'embedding',
        'secret', 'token', 'password', 'ssn', 'personal_data'
      ]
    ),
  occurred_at timestamptz NOT NULL DEFAULT now(),
  created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE public.event_outbox IS
  'Events for an out-of-database dispatcher; nothing in here sends them.';

-- The delayed lane has no guard against duplicates, by design of the house.
CREATE UNIQUE INDEX idx_event_outbox_idempotent
  ON public.event_outbox (
    event_domain, event_type, event_subject_table, event_subject_ref
  )
  WHERE delivery_lane = 'immediate';

CREATE TABLE public.event_read (
  event_id uuid NOT NULL REFERENCES public.event_outbox (id),
  actor_ref text NOT NULL,
  read_status_source text NOT NULL
    CHECK (read_status_source IN ('explicit', 'implicit_self')),
  read_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (event_id, actor_ref)
);
COMMENT ON TABLE public.event_read IS 'Which actor has read which event.';

CREATE TABLE public.event_subscription (
  id serial PRIMARY KEY,
  actor_ref text NOT NULL,
  event_domain text NOT NULL,
  event_stream text,
  active boolean NOT NULL DEFAULT true
);
COMMENT ON TABLE public.event_subscription IS 'Which actor follows which events.';

CREATE TABLE public.event_pending (
  id serial PRIMARY KEY,
  entity_table text NOT NULL,
  entity_ref text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE public.event_pending IS 'Entities whose event is still to be written.';

RESET ROLE;
