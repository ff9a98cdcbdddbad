/// The names of a room's cookies: one visitor may stand in several lines at once.
struct RoomCookies {
    struct Names {
        let place: [UInt8]
        let pass: [UInt8]
    }
    /// Over plain HTTP.
    let plain: Names
    /// Over TLS: the `__Host-` prefix binds the cookie to this host and to TLS.
    let secure: Names

    init(room: String) {
        self.plain = Names(place: Array("sluice-place-\(room)".utf8), pass: Array("sluice-pass-\(room)".utf8))
        self.secure = Names(
            place: Array("__Host-sluice-place-\(room)".utf8),
            pass: Array("__Host-sluice-pass-\(room)".utf8)
        )
    }
}
