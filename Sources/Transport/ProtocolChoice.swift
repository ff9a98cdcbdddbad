import COpenSSL

/// ALPN: the first of `http/1.1` and `http/1.0` that the client offers. One that offers only others is told so by the
/// alert.
func selectHTTP1(
    _ ssl: OpaquePointer?,
    _ out: UnsafeMutablePointer<UnsafePointer<UInt8>?>?,
    _ outLength: UnsafeMutablePointer<UInt8>?,
    _ offered: UnsafePointer<UInt8>?,
    _ offeredLength: UInt32,
    _ argument: UnsafeMutableRawPointer?
) -> Int32 {
    let offers = UnsafeBufferPointer(start: offered, count: Int(offeredLength))
    return ProtocolChoice.first(of: ["http/1.1", "http/1.0"], in: offers, out, outLength)
}

/// The same, with HTTP/2 before everything else, wherever it stands in the client's list.
func selectHTTP2(
    _ ssl: OpaquePointer?,
    _ out: UnsafeMutablePointer<UnsafePointer<UInt8>?>?,
    _ outLength: UnsafeMutablePointer<UInt8>?,
    _ offered: UnsafePointer<UInt8>?,
    _ offeredLength: UInt32,
    _ argument: UnsafeMutableRawPointer?
) -> Int32 {
    let offers = UnsafeBufferPointer(start: offered, count: Int(offeredLength))
    let choice = ProtocolChoice.first(of: ["h2"], in: offers, out, outLength)
    return choice == SSL_TLSEXT_ERR_ALERT_FATAL ? selectHTTP1(ssl, out, outLength, offered, offeredLength, nil) : choice
}

enum ProtocolChoice {
    /// The first of the client's protocols that is one of `known`. `offers` holds names, each behind its length.
    static func first(
        of known: [StaticString],
        in offers: UnsafeBufferPointer<UInt8>,
        _ out: UnsafeMutablePointer<UnsafePointer<UInt8>?>?,
        _ outLength: UnsafeMutablePointer<UInt8>?
    ) -> Int32 {
        guard let start = offers.baseAddress else { return SSL_TLSEXT_ERR_NOACK }
        var position = 0
        while position < offers.count {
            let length = Int(offers[position])
            guard position + 1 + length <= offers.count else { break }
            let name = UnsafeBufferPointer(start: start + position + 1, count: length)
            let isKnown = known.contains {
                name.elementsEqual(UnsafeBufferPointer(start: $0.utf8Start, count: $0.utf8CodeUnitCount))
            }
            if isKnown {
                out?.pointee = start + position + 1
                outLength?.pointee = UInt8(length)
                return SSL_TLSEXT_ERR_OK
            }
            position += 1 + length
        }
        return SSL_TLSEXT_ERR_ALERT_FATAL
    }
}
