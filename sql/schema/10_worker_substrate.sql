-- Watermark cursor, heartbeat, lease and queue of workers.
--
-- Needs before: 01. Leaves: four empty tables. Undone by: DROP DATABASE.

SET ROLE directus;

CREATE TABLE public.gov_worker_cursor (
  worker_name text NOT NULL,
  source_name text NOT NULL,
  last_watermark_id text,
  last_watermark_ts timestamptz,
  events_seen bigint NOT NULL DEFAULT 0,
  attempts_written bigint NOT NULL DEFAULT 0,
  dead_lettered bigint NOT NULL DEFAULT 0,
  phase text,
  last_run_at timestamptz,
  PRIMARY KEY (worker_name, source_name)
);
COMMENT ON TABLE public.gov_worker_cursor IS
  'Watermark per worker and source; moves forward only.';

CREATE TABLE public.queue_heartbeat (
  executor_name text PRIMARY KEY,
  executor_kind text NOT NULL DEFAULT 'PG_worker',
  status text NOT NULL DEFAULT 'ok',
  last_beat_at timestamptz,
  metadata jsonb NOT NULL DEFAULT '{}'
);
COMMENT ON TABLE public.queue_heartbeat IS 'Last sign of life of each executor.';

CREATE TABLE public.dot_iu_runtime_lease (
  lease_key text PRIMARY KEY,
  lease_owner text NOT NULL,
  lease_until timestamptz NOT NULL,
  acquired_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE public.dot_iu_runtime_lease IS
  'Leases of running DOT commands; empty means that nothing runs.';

CREATE TABLE public.job_queue (
  job_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  job_kind text NOT NULL
    CONSTRAINT chk_job_queue_job_kind CHECK (btrim(job_kind) <> ''),
  state text NOT NULL DEFAULT 'queued'
    CONSTRAINT chk_job_queue_state CHECK (
      state IN (
        'queued', 'leased', 'in_progress', 'succeeded', 'failed',
        'retry_waiting', 'dead_letter', 'cancelled', 'cleaned'
      )
    ),
  source_ref text,
  target_ref text,
  payload_ref text,
  payload_json jsonb NOT NULL DEFAULT '{}'
    CONSTRAINT chk_job_queue_payload_json CHECK (
      NOT payload_json ?| ARRAY[
        'body', 'content', 'raw', 'vector', 'embedding',
        'secret', 'token', 'password', 'ssn', 'personal_data'
      ]
    ),
  priority integer NOT NULL DEFAULT 100
    CONSTRAINT chk_job_queue_priority CHECK (priority >= 0),
  scheduled_at timestamptz NOT NULL DEFAULT now(),
  picked_at timestamptz,
  finished_at timestamptz,
  lease_owner text,
  lease_until timestamptz,
  attempts integer NOT NULL DEFAULT 0,
  max_attempts integer NOT NULL DEFAULT 5
    CONSTRAINT chk_job_queue_max_attempts CHECK (max_attempts >= 1),
  idempotency_key text NOT NULL,
  actor text NOT NULL,
  run_id uuid,
  last_error text,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT chk_job_queue_lease_pair CHECK (
    (lease_owner IS NULL) = (lease_until IS NULL)
  )
);
COMMENT ON TABLE public.job_queue IS 'Jobs of out-of-database executors.';
CREATE UNIQUE INDEX uq_job_queue_active_idempotency
  ON public.job_queue (idempotency_key)
  WHERE state IN ('queued', 'leased', 'in_progress', 'retry_waiting');

RESET ROLE;
