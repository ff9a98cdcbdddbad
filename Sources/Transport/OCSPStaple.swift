import COpenSSL
import Glibc

/// What an authority says about a certificate of its own: that it is not revoked, as of when and until when. Given to
/// clients with the handshake, it saves them a request to the authority.
struct OCSPStaple: Sendable {
    /// A larger response is refused: it goes out with every handshake.
    private static let maxBytes = 16 * 1024

    /// When it may be shown. Times are seconds since 1970; `notAfter` is nil when the authority does not say.
    struct Span: Equatable, Sendable {
        /// The authority's clock may be ahead of ours by so many seconds.
        static let skewSeconds: Int64 = 300

        var notBefore: Int64
        var notAfter: Int64?

        func holds(atSeconds now: Int64) -> Bool {
            now >= self.notBefore - Self.skewSeconds && self.notAfter.map { now < $0 } ?? true
        }
    }

    let bytes: [UInt8]
    let span: Span

    /// Reads the file and checks that it is about this certificate and says that it is good. One that is out of date is
    /// taken, and not shown to anybody: whoever renews it is late, which is no reason to stay closed.
    init(
        file: String,
        of certificate: OpaquePointer,
        chain: ArraySlice<OpaquePointer>,
        _ files: CertificateFiles
    ) throws(CertificateProblems) {
        do {
            self.bytes = try BoundedFile.read(file, limit: Self.maxBytes).bytes
        } catch {
            throw CertificateProblems(.staple, "\(error); name an OCSP response as DER")
        }
        ERR_clear_error()
        let basic = try Self.basic(of: self.bytes, file)
        defer { OCSP_BASICRESP_free(basic) }
        let issuer = chain.first { X509_check_issued($0, certificate) == X509_V_OK }
        let answers = (0..<OCSP_resp_count(basic)).compactMap { OCSP_resp_get0(basic, $0) }
        guard let answer = answers.first(where: { Self.isAbout(certificate, issuer, $0) }) else {
            let advice = "name the response for that certificate, as `openssl ocsp -respout FILE` writes it"
            throw CertificateProblems(.staple, "\(file) is not about \(files.certificate); \(advice)")
        }
        var reason: Int32 = 0
        var this: UnsafeMutablePointer<ASN1_GENERALIZEDTIME>?
        var next: UnsafeMutablePointer<ASN1_GENERALIZEDTIME>?
        let status = OCSP_single_get0_status(answer, &reason, nil, &this, &next)
        guard status == V_OCSP_CERTSTATUS_GOOD else {
            let word = OCSP_cert_status_str(Int(status)).map { String(cString: $0) } ?? "\(status)"
            let advice = "have another certificate made, or leave staple out"
            throw CertificateProblems(.staple, "\(file) says that \(files.certificate) is \(word); \(advice)")
        }
        // A time that cannot be read is no time to show it at.
        let end = next == nil ? nil : ASN1Time.seconds(next) ?? .min
        self.span = Span(notBefore: ASN1Time.seconds(this) ?? .max, notAfter: end)
    }

    private static func basic(of bytes: [UInt8], _ file: String) throws(CertificateProblems) -> OpaquePointer {
        let response = bytes.withUnsafeBufferPointer { buffer -> OpaquePointer? in
            var position = buffer.baseAddress
            return d2i_OCSP_RESPONSE(nil, &position, buffer.count)
        }
        ERR_clear_error()
        guard let response else {
            let advice = "name one as DER, as `openssl ocsp -respout FILE` writes it"
            throw CertificateProblems(.staple, "\(file) is no OCSP response; \(advice)")
        }
        defer { OCSP_RESPONSE_free(response) }
        guard OCSP_response_status(response) == OCSP_RESPONSE_STATUS_SUCCESSFUL,
            let basic = OCSP_response_get1_basic(response)
        else {
            ERR_clear_error()
            throw CertificateProblems(.staple, "\(file) is a refusal of the authority's; ask it again")
        }
        return basic
    }

    /// By the serial number and the name of who issued it, and by that one's key where it is in the chain.
    private static func isAbout(_ certificate: OpaquePointer, _ issuer: OpaquePointer?, _ answer: OpaquePointer) -> Bool
    {
        var nameHash: UnsafeMutablePointer<ASN1_OCTET_STRING>?
        var method: OpaquePointer?
        var serial: UnsafeMutablePointer<ASN1_INTEGER>?
        guard let id = OCSP_SINGLERESP_get0_id(answer) else { return false }
        OCSP_id_get0_info(&nameHash, &method, nil, &serial, id)
        guard let digest = EVP_get_digestbyname(OBJ_nid2sn(OBJ_obj2nid(method))) else { return false }
        if let issuer {
            guard let own = OCSP_cert_to_id(digest, certificate, issuer) else { return false }
            defer { OCSP_CERTID_free(own) }
            return OCSP_id_cmp(own, id) == 0
        }
        var hash = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
        var count: UInt32 = 0
        guard X509_NAME_digest(X509_get_issuer_name(certificate), digest, &hash, &count) == 1, let nameHash,
            ASN1_INTEGER_cmp(serial, X509_get0_serialNumber(certificate)) == 0
        else { return false }
        let told = UnsafeBufferPointer(start: ASN1_STRING_get0_data(nameHash), count: Int(ASN1_STRING_length(nameHash)))
        return told.elementsEqual(hash[..<Int(count)])
    }
}
