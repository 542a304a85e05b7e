"""The plain-language diagnoses that every connector shares, in Indonesian and English.

An agency's own codes and their texts live in that agency's folder.
"""

from schemas.text import Text

DEADLINE = Text(
    id="Sistem instansi tidak menjawab dalam batas waktu. Akan dicoba lagi; bila sering terjadi, hubungi instansi.",
    en="The agency's system did not answer within the deadline. It will be asked again; if it persists, call the agency.",
)
UNREACHABLE = Text(
    id="Sistem instansi tidak dapat dihubungi. Periksa jaringan atau VPN; permintaan belum terkirim.",
    en="The agency's system cannot be reached. Check the network or VPN; nothing was sent.",
)
UNKNOWN_HOST = Text(
    id="Nama host instansi tidak dikenal oleh DNS. Periksa alamat di pengaturan dan DNS; permintaan belum terkirim.",
    en="DNS does not know the agency's host name. Check the configured address and DNS; nothing was sent.",
)
TLS = Text(
    id="Sambungan aman (TLS) ke instansi gagal dibuat; permintaan belum terkirim.",
    en="No secure (TLS) connection to the agency could be made; nothing was sent.",
)
CERTIFICATE = Text(
    id="Sertifikat server instansi tidak dapat dipercaya. Periksa berkas CA di pengaturan konektor.",
    en="The agency's server certificate is not trusted. Check the connector's CA file.",
)
CONNECTION_LOST = Text(
    id="Sambungan ke instansi terputus sebelum jawaban lengkap diterima.",
    en="The connection to the agency broke before a whole answer had arrived.",
)
TOO_LARGE = Text(
    id="Jawaban instansi melebihi ukuran yang diizinkan. Hubungi instansi atau ubah batas ukuran.",
    en="The agency's answer is larger than allowed. Call the agency, or change the size limit.",
)
UNREADABLE = Text(
    id="Jawaban instansi tidak sesuai dengan kontrak dan tidak dapat dibaca.",
    en="The agency's answer does not follow its contract and cannot be read.",
)
NOT_AN_ANSWER = Text(
    id="Instansi mengirim halaman kosong atau halaman web, bukan jawaban. Akan dicoba lagi.",
    en="The agency sent an empty or a web page instead of an answer. It will be asked again.",
)
REDIRECTED = Text(
    id="Instansi mengalihkan permintaan ke alamat lain. Pengalihan ditolak; perbaiki alamat di pengaturan.",
    en="The agency redirected the request. Redirects are refused; correct the configured address.",
)
BAD_REQUEST = Text(
    id="Instansi menolak bentuk permintaan ini. Bandingkan dengan kontrak instansi.",
    en="The agency refused the form of this request. Compare it with the agency's contract.",
)
CREDENTIALS = Text(
    id="Instansi menolak kredensial atau alamat IP kita. Periksa pengaturan konektor.",
    en="The agency refused our credentials or IP address. Check the connector's settings.",
)
WRONG_ADDRESS = Text(
    id="Alamat layanan tidak ada di sistem instansi. Periksa alamat di pengaturan dan versi kontrak.",
    en="The agency has no service at this address. Check the configured address and the contract's version.",
)
BUSY = Text(
    id="Instansi meminta kita menunggu. Akan dicoba lagi kemudian.",
    en="The agency asks us to slow down. It will be asked again later.",
)
AGENCY_FAULT = Text(
    id="Sistem instansi mengalami gangguan. Akan dicoba lagi; bila sering terjadi, hubungi instansi.",
    en="The agency's system has a fault. It will be asked again; if it persists, call the agency.",
)
IN_DOUBT = Text(
    id="Tidak diketahui apakah instansi sudah memproses permintaan ini. Ditanyakan dulu dengan nomor rujukan kita; "
    "permintaan tidak dikirim ulang.",
    en="It is not known whether the agency carried out this request. It is looked up by our reference first; "
    "it is not sent again.",
)
NO_LOOK_UP = Text(
    id="Belum disepakati cara menelusuri permintaan ini dengan nomor rujukan kita. Sepakati dengan instansi, lalu tulis di "
    "konektor.",
    en="How this can be looked up by our reference is not agreed yet. Agree on it with the agency and write it into the connector.",
)
SETTINGS = Text(
    id="Pengaturan konektor belum lengkap atau keliru. Lengkapi variabel yang disebut.",
    en="The connector's settings are incomplete or wrong. Set the variables named.",
)
