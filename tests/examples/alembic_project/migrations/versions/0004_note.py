"""A note on each loan; its way down was forgotten."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade():
    op.add_column("loan", sa.Column("note", sa.Text, server_default=""))


def downgrade():
    pass
