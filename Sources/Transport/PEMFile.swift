import COpenSSL

/// Reads certificates and keys. Nobody is asked for a passphrase: a daemon has no terminal, and `check` must not hang.
enum PEMFile {
    /// A larger file is refused.
    private static let maxBytes = 1 << 20

    /// All certificates of a file, in its order; at least one. They are the caller's to free.
    static func certificates(
        _ path: String,
        part: CertificateProblems.Part
    ) throws(CertificateProblems) -> [OpaquePointer] {
        let bio = try self.open(path, part)
        defer { BIO_free(bio) }
        var certificates: [OpaquePointer] = []
        while let next = PEM_read_bio_X509_AUX(bio, nil, refusePassphrase, nil) { certificates.append(next) }
        // At its end a file is told of as one where nothing begins any more; anything else is a damaged certificate.
        let isAtEnd = OpenSSLErrors.isLast(library: ERR_LIB_PEM, reason: PEM_R_NO_START_LINE)
        let reason = OpenSSLErrors.take()
        guard isAtEnd else {
            for certificate in certificates { X509_free(certificate) }
            throw CertificateProblems(part, "\(path) is damaged (\(reason)); have the file made again")
        }
        guard !certificates.isEmpty else {
            let advice = "name a PEM file with lines -----BEGIN CERTIFICATE-----"
            throw CertificateProblems(part, "\(path) holds no certificate; \(advice)")
        }
        return certificates
    }

    /// The first private key of a file; the caller's to free.
    static func key(_ path: String) throws(CertificateProblems) -> OpaquePointer {
        let bio = try self.open(path, .key)
        defer { BIO_free(bio) }
        var wasAsked = false
        let key = PEM_read_bio_PrivateKey(bio, nil, refusePassphrase, &wasAsked)
        let reason = OpenSSLErrors.take()
        if let key { return key }
        guard !wasAsked else {
            let advice =
                "name one without, as `openssl pkey -in \(path) -out FILE` writes it, readable by its owner only"
            throw CertificateProblems(.key, "\(path) has a passphrase; \(advice)")
        }
        let advice = "name a PEM file with a line such as -----BEGIN PRIVATE KEY-----"
        throw CertificateProblems(.key, "\(path) holds no private key that can be read (\(reason)); \(advice)")
    }

    private static func open(
        _ path: String,
        _ part: CertificateProblems.Part
    ) throws(CertificateProblems) -> OpaquePointer {
        let bytes: [UInt8]
        do {
            bytes = try BoundedFile.read(path, limit: self.maxBytes).bytes
        } catch {
            throw CertificateProblems(part, "\(error); name a readable PEM file")
        }
        guard !bytes.isEmpty else { throw CertificateProblems(part, "\(path) is empty; it must hold PEM") }
        ERR_clear_error()
        guard let bio = BIO_new(BIO_s_mem()), BIO_write(bio, bytes, Int32(bytes.count)) == bytes.count else {
            throw CertificateProblems(part, "\(path) cannot be kept in memory: \(OpenSSLErrors.take())")
        }
        return bio
    }
}

/// What OpenSSL calls for a passphrase; without it, it would ask at the terminal. Notes that it was asked.
func refusePassphrase(
    _ buffer: UnsafeMutablePointer<CChar>?,
    _ size: Int32,
    _ isForWriting: Int32,
    _ wasAsked: UnsafeMutableRawPointer?
) -> Int32 {
    wasAsked?.storeBytes(of: true, as: Bool.self)
    return -1
}
