import Admission
import Primitives
import Tokens

/// The names of a room's cookies: one visitor may stand in several lines at once.
final class RoomCookieNames: Sendable {
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

    /// Appends the field that hands a place or a pass over.
    func append(
        _ token: AdmissionToken,
        claim: TokenClaim?,
        signer: TokenSigner,
        isSecure: Bool,
        nowSeconds: Int64,
        to writer: inout ByteWriter
    ) {
        let names = isSecure ? self.secure : self.plain
        writer.append("Set-Cookie: ")
        writer.append(token.kind == .place ? names.place : names.pass)
        writer.append("=")
        signer.append(token, claim: claim, to: &writer)
        writer.append("; Path=/; Max-Age=")
        writer.append(decimal: max(1, Int(Int64(token.expiresSeconds) - nowSeconds)))
        Self.appendEnd(isSecure: isSecure, to: &writer)
    }

    /// Appends the fields that take both away.
    func appendCleared(isSecure: Bool, to writer: inout ByteWriter) {
        let names = isSecure ? self.secure : self.plain
        for name in [names.place, names.pass] {
            writer.append("Set-Cookie: ")
            writer.append(name)
            writer.append("=; Path=/; Max-Age=0")
            Self.appendEnd(isSecure: isSecure, to: &writer)
        }
    }

    private static func appendEnd(isSecure: Bool, to writer: inout ByteWriter) {
        writer.append(isSecure ? "; HttpOnly; SameSite=Lax; Secure\r\n" : "; HttpOnly; SameSite=Lax\r\n")
    }
}
