import COpenSSL

/// How OpenSSL comes by the keys of tickets: each context carries its `TLSTicketKeys`, and asks them at every handshake.
extension TLSTicketKeys {
    /// Where a context carries its keys; they are let go with the context, whoever holds that longest.
    private static let index = CRYPTO_get_ex_new_index(
        CRYPTO_EX_INDEX_SSL_CTX,
        0,
        nil,
        nil,
        nil,
        { _, keys, _, _, _, _ in if let keys { Unmanaged<TLSTicketKeys>.fromOpaque(keys).release() } }
    )

    /// Fetched once: a fetch takes locks and looks names up.
    // Unsafe only to the compiler: an algorithm is not changed once fetched, and is never freed.
    nonisolated(unsafe) fileprivate static let cipher = EVP_CIPHER_fetch(nil, "AES-256-CBC", nil)

    /// False when OpenSSL has no room for it.
    func attach(to context: OpaquePointer) -> Bool {
        let keys = Unmanaged.passRetained(self)
        guard Self.index >= 0, SSL_CTX_set_ex_data(context, Self.index, keys.toOpaque()) == 1 else {
            keys.release()
            return false
        }
        // Clients of TLS 1.2 that take no tickets would fill a cache of twenty thousand sessions.
        sluice_ssl_keep_no_sessions(context)
        guard self.givesTickets else {
            sluice_ssl_refuse_tickets(context)
            return true
        }
        // TLS 1.3 clients resume with one ticket as well as with two.
        SSL_CTX_set_num_tickets(context, 1)
        return Self.cipher != nil && SSL_CTX_set_tlsext_ticket_key_evp_cb(context, chooseTicketKey) == 1
    }

    /// Those of the context that `ssl` was made from; nil for a client.
    static func of(_ ssl: OpaquePointer?) -> TLSTicketKeys? {
        guard let context = SSL_get_SSL_CTX(ssl), let keys = SSL_CTX_get_ex_data(context, Self.index)
        else { return nil }
        return Unmanaged<TLSTicketKeys>.fromOpaque(keys).takeUnretainedValue()
    }
}

/// Readies `cipher` and `mac` to seal a ticket (`isSealing` is 1; name and vector are written) or to open one.
///
/// Returns 1 when that is done, 2 when the client should get a new ticket besides, 0 when the handshake has to go on
/// without a ticket, and -1 when OpenSSL failed, which ends the handshake.
private func chooseTicketKey(
    _ ssl: OpaquePointer?,
    _ name: UnsafeMutablePointer<UInt8>?,
    _ vector: UnsafeMutablePointer<UInt8>?,
    _ cipher: OpaquePointer?,
    _ mac: OpaquePointer?,
    _ isSealing: Int32
) -> Int32 {
    guard let name, let vector, let keys = TLSTicketKeys.of(ssl) else { return 0 }
    return keys.read { table in
        if isSealing == 1 {
            UnsafeMutableRawBufferPointer(start: name, count: TicketKey.nameBytes).copyMemory(from: table.name(at: 0))
            guard RAND_bytes(vector, 16) == 1,
                EVP_EncryptInit_ex2(
                    cipher,
                    TLSTicketKeys.cipher,
                    table.cipherKey(at: 0).assumingMemoryBound(to: UInt8.self).baseAddress,
                    vector,
                    nil
                ) == 1
            else { return -1 }
            let macKey = table.macKey(at: 0)
            return sluice_ssl_begin_ticket_mac(mac, macKey.baseAddress, macKey.count) == 1 ? 1 : -1
        }
        guard let place = table.place(of: name) else { return 0 }
        let macKey = table.macKey(at: place)
        guard sluice_ssl_begin_ticket_mac(mac, macKey.baseAddress, macKey.count) == 1,
            EVP_DecryptInit_ex2(
                cipher,
                TLSTicketKeys.cipher,
                table.cipherKey(at: place).assumingMemoryBound(to: UInt8.self).baseAddress,
                vector,
                nil
            ) == 1
        else { return -1 }
        // Under a key of before, a ticket is replaced while it is still good. In TLS 1.3 each is meant to be shown once
        // (RFC 8446, appendix C.4).
        return place > 0 || SSL_version(ssl) == TLS1_3_VERSION ? 2 : 1
    }
}
