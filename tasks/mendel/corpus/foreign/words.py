"""The words that texts are composed of. Each part has its own half of every list."""

from __future__ import annotations

from functools import cache

from mendel.corpus.foreign.parts import PARTS, Part

WORDS = {
    "given": """
        Adaeze Björn Chiara Dmitri Eilidh Farid Guðrún Hiroshi Ifeoma Jørgen Katarzyna Léa Mehmet Nguyễn Oluwaseun
        Priya Quentin Rukhsana Siobhán Tomáš Uchenna Väinö Wanjiru Xiomara Yusuf Zsófia Aroha Baptiste Cem Dilnoza
        Emre Fatoumata Giorgos Hyun-woo Itzel João Kwabena Ljubica Malik Niamh Ørjan Pekka Radu Şebnem Thandiwe Ugo
        Vytautas Wei Yelena Zainab
    """,
    "family": """
        Okonkwo-Szczur Þórsdóttir D'Angelo Kowalczyk Nakagawa Ó'Briain Müller-Lüdenscheidt Castañeda Nwachukwu Van-Dijk
        Zieliński Papadopoulos Ramanujan MacGillivray Håkansson Dvořák Mbeki Fernández-Ruiz Yıldırım Lindqvist Choudhury
        Nguyen Przybylski Baumgärtner Ndiaye O'Shaughnessy Tchaikovsky Kurosawa Svobodová Bhattacharya Lefèbvre Adeyemi
        Petrauskas Jóhannsson Brânză Haapala Gonçalves Kaur Tanaka Wojciechowski Ivanović Hernández Strømsnes Szabó
        Abubakar Çelik Rossi-Bianchi Thibodeaux Whakaari Zhang
    """,
    "title": "Ms Mr Dr Mrs Prof. Mx Sir Fr",
    "city": """
        Łódź Kraków Göteborg Reykjavík Nairobi Ljubljana Chişinău Zürich Kyoto Ouagadougou Tromsø Córdoba Plzeň Cardiff
        Tbilisi Győr Antananarivo Saint-Étienne Llanelli Bydgoszcz Malmö Kaunas Dunedin Thessaloniki Aarhus Windhoek
    """,
    "street": """
        Hauptstraße Sloane Bahnhofplatz Kirkegata Montague Ulica-Długa Rua-Augusta Prinsengracht Fleet Mannerheimintie
        Via-Garibaldi Calle-Mayor Nørregade Wharf Birchwood Quai-Voltaire Castlegate Vasagatan
    """,
    "company": """
        Voltrex Hargrave Quillon Umbrasoft Zentrix Pallister Nordhavn Okapi Tessellate Brightwater Lumenary Kestrel
        Corvid Axiomatic Ferrous Hexaplex Juniper Mistral
    """,
    "noun": """
        parser socket payload cursor shard bucket webhook lexer mutex fixture daemon broker ledger viewport tuple heap
        thread closure schema tarball checksum namespace semaphore partition iterator pipeline registry endpoint
        manifest replica quorum tenant backlog opcode bitmap enum stanza symlink
    """,
    "verb": """
        flush rebase retry parse deploy enqueue serialize mount poll vacuum unzip prefetch hash debounce fork dedupe
        memoize lint rollback tokenize backfill patch decode unlink
    """,
    "adjective": """
        async stale nullable verbose idempotent upstream nested deprecated headless raw sparse lazy orphaned immutable
        cached transient opaque idle malformed readonly
    """,
    "program": """
        ingest rsync kubectl ffmpeg docker tar systemctl grep helm terraform curl openssl git npm psql jq ansible cargo
        make sed gcc pandoc
    """,
    "option": """
        --dry-run --verbose --output --no-cache --recursive --config --namespace --jobs --format --force --since --limit
        --quiet --region --timeout --exclude
    """,
    "letter": "a b c d e f g h i j k l m n p q r s t u v w x z",
    "domain": """
        x.example mail.example.org api.example.com docs.example.net shop.example.co.uk cdn.example.io blog.example.de
        files.example.edu status.example.dev intranet.example static.example.fr www.example.pl
    """,
    "segment": """
        teh docs api v2 users recieve index static orders wp-content seperate blob assets q3-report login thier img
        adress archive untill reports wich 2024 faq tmp beleive src
    """,
    "extension": "yaml py json csv tar.gz md toml log parquet html ts ini sh xml cpp lock",
    "level": "INFO WARN ERROR DEBUG FATAL TRACE NOTICE CRITICAL",
    "unit": "kg mm kWh GiB ml km/h dB °C MHz px ms oz lbs psi mg/l fps",
    "tool": "GCC CMake Node.js OpenSSL PostgreSQL Clang Bash glibc Redis Python LLVM nginx",
    "type": "float str int bytes bool Path list[str] dict[str,int] object complex",
    "key": """
        name id status created_at retries owner max_conn tags enabled user_id kind e164 checksum threads lang ttl
        region parentId isActive totalCents
    """,
    "written": """
        %d.%m.%Y %d/%m/%y %d-%b-%Y %a,%d_%b_%Y %B_%d,_%Y %Y/%m/%d %d_%B_%Y %b_%d,_%Y %Y%m%d %m/%d/%Y %G-W%V-%u %A,_%B_%d
    """,
    "emoji": """
        👩‍💻 👨‍👩‍👧‍👦 🏳️‍🌈 👍🏽 🇵🇱 ❤️‍🔥 🧑🏿‍🚀 👩‍❤️‍💋‍👨 🤦🏼‍♀️ 1️⃣ 🏴‍☠️ 🙋🏾‍♂️ 🇧🇷 👁️‍🗨️ 🧑‍🤝‍🧑 🐻‍❄️ 🏴󠁧󠁢󠁳󠁣󠁴󠁿 ✍🏻 👨🏻‍🦱 🧘🏽‍♀️
    """,
    "abbreviation": "lol brb imo tbh idk omw smh afaik rn ngl ikr btw",
}
"""By name, split at white space; in a word, `_` stands for a space where the field says so (`written`)."""


@cache
def of(part: Part) -> dict[str, list[str]]:
    """The part's half of each list: every second word."""
    return {name: words.split()[PARTS.index(part) :: len(PARTS)] for name, words in WORDS.items()}
