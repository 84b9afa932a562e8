-- Births, gates and labels of the other governed collections; birth_registry itself.
--
-- Needs before: 51 to 53 and their rows. Leaves: a birth trigger on 18 collections,
--   a gate and labels and a count on 14 of them, two triggers on birth_registry.
-- Undone by: DROP DATABASE.
--
-- With dot_tools and collection_registry the gate stands on 16 tables, as known;
-- which 16 is inferred.

SET ROLE directus;

DO $$
DECLARE
  born record;
BEGIN
  FOR born IN
    SELECT collection_name, gated
    FROM (
      VALUES
        ('agents', true),
        ('checkpoint_sets', true),
        ('checkpoint_types', true),
        ('entity_dependencies', true),
        ('entity_species', true),
        ('measurement_registry', false),
        ('meta_catalog', true),
        ('modules', true),
        ('normative_registry', false),
        ('pivot_definitions', true),
        ('table_registry', true),
        ('tasks', true),
        ('taxonomy', true),
        ('taxonomy_facets', false),
        ('ui_pages', true),
        ('workflow_change_requests', false),
        ('workflow_steps', true),
        ('workflows', true)
    ) AS known (collection_name, gated)
    ORDER BY collection_name
  LOOP
    EXECUTE format(
      'CREATE TRIGGER trg_birth_%1$s AFTER INSERT ON public.%1$I '
      'FOR EACH ROW EXECUTE FUNCTION public.fn_birth_registry_auto(%2$L)',
      born.collection_name, 'code'
    );
    CONTINUE WHEN NOT born.gated;
    EXECUTE format(
      'CREATE TRIGGER trg_before_birth_gate_%1$s BEFORE INSERT ON public.%1$I '
      'FOR EACH ROW EXECUTE FUNCTION public.fn_birth_gate(%2$L)',
      born.collection_name, 'code'
    );
    EXECUTE format(
      'CREATE TRIGGER trg_auto_label_provenance_%1$s AFTER INSERT ON public.%1$I '
      'FOR EACH ROW EXECUTE FUNCTION public.fn_auto_label_provenance(%2$L)',
      born.collection_name, 'code'
    );
    EXECUTE format(
      'CREATE TRIGGER trg_auto_label_assignment_%1$s AFTER INSERT ON public.%1$I '
      'FOR EACH ROW EXECUTE FUNCTION public.fn_auto_label_assignment(%2$L)',
      born.collection_name, 'code'
    );
    EXECUTE format(
      'CREATE TRIGGER trg_refresh_count_%1$s AFTER INSERT OR DELETE ON public.%1$I '
      'FOR EACH ROW EXECUTE FUNCTION public.refresh_registry_count()',
      born.collection_name
    );
  END LOOP;
END
$$;

CREATE TRIGGER trg_birth_auto_certify
  BEFORE UPDATE ON public.birth_registry
  FOR EACH ROW
  EXECUTE FUNCTION public.fn_birth_auto_certify();

CREATE TRIGGER trg_birth_change_flag_matrix
  AFTER INSERT OR UPDATE OR DELETE ON public.birth_registry
  FOR EACH STATEMENT
  EXECUTE FUNCTION public.fn_birth_change_flag_matrix();

RESET ROLE;
