"""Names in one spelling: nobody knows the old ones any more."""

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade():
    op.execute("UPDATE reader SET name = upper(name)")


def downgrade():
    raise NotImplementedError("the old spellings are gone")
