"""Which kinds of sources there are. A new one is a module with `KIND`, and a line here."""

from ingestion.connectors import folder, git, imap, s3, website
from ingestion.connectors.protocol import Kind

KINDS: dict[str, Kind] = {
    kind.name: kind for kind in (folder.KIND, website.KIND, s3.KIND, git.KIND, imap.KIND)
}
