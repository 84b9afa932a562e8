-- Figures of stage E: what the findings would be as events, and what was emitted.
--
-- Needs before: stage E. Leaves: nothing; reads only. Returns (figure, value as JSON);
--   what is expected stands in fixtures/axis_substrate.json.

SELECT 'payloads' AS figure, to_jsonb(count(*))
FROM public.v_axis_issue_payload
UNION ALL
SELECT 'payloads of an active type', to_jsonb(count(*))
FROM public.v_axis_issue_payload
WHERE type_active
UNION ALL
SELECT 'payloads of another shape', to_jsonb(count(*))
FROM public.v_axis_issue_payload
WHERE event_domain <> 'governance'
  OR canonical_address !~ '^[a-z_]+:[a-z_]+$'
  OR actor_ref <> 'gov:axis-scanner'
  OR source_system <> 'axis_substrate_clone'
  OR NOT safe_payload ? 'finding_type'
UNION ALL
SELECT
  'mapped ' || (safe_payload ->> 'finding_type'),
  jsonb_build_array(event_type, count(*))
FROM public.v_axis_issue_payload
GROUP BY
  safe_payload ->> 'finding_type',
  event_type
UNION ALL
SELECT
  'stream and lane of ' || event_type,
  jsonb_build_array(min(event_stream), max(event_stream), min(delivery_lane))
FROM public.v_axis_issue_payload
GROUP BY event_type
UNION ALL
SELECT 'parentage conflicts', to_jsonb(count(*))
FROM public.v_axis_topic_parentage_conflict
UNION ALL
SELECT 'governance events', to_jsonb(count(*))
FROM public.event_outbox
WHERE event_domain = 'governance'
ORDER BY figure;
