"""The date of birth is not kept any more: its way down cannot bring it back."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade():
    op.drop_column("reader", "born")


def downgrade():
    op.add_column("reader", sa.Column("born", sa.Date))
