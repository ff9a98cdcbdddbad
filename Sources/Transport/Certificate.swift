import COpenSSL
import Glibc
import Primitives

/// The PEM files of a certificate.
public struct CertificateFiles: Equatable, Sendable {
    /// May hold the whole chain, the server's own certificate first.
    public var certificate: String
    public var key: String
    /// What the authority says about the certificate: an OCSP response as DER. Nil: nothing is stapled.
    public var staple: String?

    public init(certificate: String, key: String, staple: String? = nil) {
        self.certificate = certificate
        self.key = key
        self.staple = staple
    }

    public var paths: [String] { [self.certificate, self.key] + (self.staple.map { [$0] } ?? []) }
}

/// What is wrong with the files of a certificate: all of it at once.
public struct CertificateProblems: Error, CustomStringConvertible {
    /// Which file it is about.
    public enum Part: String, Sendable { case certificate, key, staple, authority }
    public typealias Problem = (part: Part, message: String)

    /// At least one. Each message names the file and says what to do.
    public let problems: [Problem]

    init(_ problems: [Problem]) { self.problems = problems }
    init(_ part: Part, _ message: String) { self.problems = [(part, message)] }

    public var description: String { self.problems.map(\.message).joined(separator: "; ") }
}

/// A certificate with its chain and its key, read once and checked: the contexts of all loops are made from it.
// Unchecked because OpenSSL counts the references to its parts atomically, and none of them is changed after `init`.
public final class Certificate: @unchecked Sendable {
    public let files: CertificateFiles
    /// The hosts that it is for: of its subject alternative names those of DNS, and without any its common name, if
    /// that is one. In small letters: `shop.example`, `*.shop.example`.
    public let names: [String]
    /// Seconds since 1970.
    public let notBefore, notAfter: Int64
    let x509, key: OpaquePointer
    /// Those behind the certificate itself.
    let chain: [OpaquePointer]
    let staple: OCSPStaple?

    /// Reads the files and checks that they can be used together; blocks on the disk. A certificate that has expired is
    /// taken all the same: visitors who are warned are better off than those who meet nobody.
    public init(_ files: CertificateFiles) throws(CertificateProblems) {
        var problems: [CertificateProblems.Problem] = []
        let certificates: [OpaquePointer]
        do throws(CertificateProblems) {
            certificates = try PEMFile.certificates(files.certificate, part: .certificate)
        } catch {
            certificates = []
            problems += error.problems
        }
        let key: OpaquePointer?
        do throws(CertificateProblems) {
            key = try PEMFile.key(files.key)
        } catch {
            key = nil
            problems += error.problems
        }
        if let own = certificates.first, let key, problems.isEmpty {
            problems += Self.problems(own, key, chain: certificates.dropFirst(), files)
        }
        var staple: OCSPStaple?
        if let file = files.staple, let own = certificates.first {
            do throws(CertificateProblems) {
                staple = try OCSPStaple(file: file, of: own, chain: certificates.dropFirst(), files)
            } catch {
                problems += error.problems
            }
        }
        guard problems.isEmpty, let own = certificates.first, let key else {
            for certificate in certificates { X509_free(certificate) }
            EVP_PKEY_free(key)
            throw CertificateProblems(problems)
        }
        self.files = files
        (self.x509, self.key, self.chain) = (own, key, Array(certificates.dropFirst()))
        let alternatives = Self.alternativeNames(of: own)
        self.names = alternatives.isEmpty ? Self.commonHostName(of: own).map { [$0] } ?? [] : alternatives
        self.notBefore = ASN1Time.seconds(X509_get0_notBefore(own)) ?? .min
        self.notAfter = ASN1Time.seconds(X509_get0_notAfter(own)) ?? .max
        self.staple = staple
    }

    deinit {
        X509_free(self.x509)
        EVP_PKEY_free(self.key)
        for certificate in self.chain { X509_free(certificate) }
    }

    /// Until when the authority's word is good, in seconds since 1970; nil without a staple, or if it does not say.
    public var stapleNotAfter: Int64? { self.staple?.span.notAfter }

    /// Puts it into a context, beside those of other kinds of keys.
    func install(in context: OpaquePointer) -> Bool {
        Self.install(self.x509, self.key, chain: self.chain[...], in: context)
    }

    private static func install(
        _ x509: OpaquePointer,
        _ key: OpaquePointer,
        chain: ArraySlice<OpaquePointer>,
        in context: OpaquePointer
    ) -> Bool {
        ERR_clear_error()
        return SSL_CTX_use_certificate(context, x509) == 1 && SSL_CTX_use_PrivateKey(context, key) == 1
            && chain.allSatisfy { sluice_ssl_add_chain_certificate(context, $0) == 1 }
    }

    /// What only shows once both are there, and what the system's policy has against them, such as keys too short.
    private static func problems(
        _ x509: OpaquePointer,
        _ key: OpaquePointer,
        chain: ArraySlice<OpaquePointer>,
        _ files: CertificateFiles
    ) -> [CertificateProblems.Problem] {
        ERR_clear_error()
        guard X509_check_private_key(x509, key) == 1 else {
            ERR_clear_error()
            let advice = "name the key that the first certificate of that file was made for"
            return [(.key, "\(files.key) does not belong to \(files.certificate); \(advice)")]
        }
        guard let context = SSL_CTX_new(TLS_server_method()) else { return [] }
        defer { SSL_CTX_free(context) }
        guard !self.install(x509, key, chain: chain, in: context) else { return [] }
        let reason = OpenSSLErrors.take()
        return [(.certificate, "\(files.certificate) is not taken by OpenSSL: \(reason); have another one made")]
    }

    private static func alternativeNames(of x509: OpaquePointer) -> [String] {
        guard let found = X509_get_ext_d2i(x509, NID_subject_alt_name, nil, nil) else { return [] }
        let names = OpaquePointer(found)
        defer { GENERAL_NAMES_free(names) }
        return (0..<sluice_general_names_count(names)).compactMap { index in
            var kind: Int32 = 0
            guard let value = GENERAL_NAME_get0_value(sluice_general_name_at(names, index), &kind), kind == GEN_DNS,
                let bytes = ASN1_STRING_get0_data(value.assumingMemoryBound(to: ASN1_STRING.self))
            else { return nil }
            let count = ASN1_STRING_length(value.assumingMemoryBound(to: ASN1_STRING.self))
            let text = String(decoding: UnsafeBufferPointer(start: bytes, count: Int(count)), as: UTF8.self)
            return text.lowercased()
        }
    }

    /// The most specific common name, where it reads like a host: clients that know no alternative names go by that.
    private static func commonHostName(of x509: OpaquePointer) -> String? {
        let subject = X509_get_subject_name(x509)
        var place: Int32 = -1
        while case let next = X509_NAME_get_index_by_NID(subject, NID_commonName, place), next >= 0 { place = next }
        guard place >= 0, let value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, place)) else { return nil }
        var text: UnsafeMutablePointer<UInt8>?
        let count = ASN1_STRING_to_UTF8(&text, value)
        guard count > 0, let text else { return nil }
        defer { CRYPTO_free(text, #file, #line) }
        let bytes = UnsafeBufferPointer(start: text, count: Int(count))
        let isHost = bytes.allSatisfy { byte in
            ASCII.isLetter(byte) || ASCII.isDigit(byte) || "-._*".utf8.contains(byte)
        }
        return isHost ? String(decoding: bytes, as: UTF8.self).lowercased() : nil
    }
}

/// Points in time as certificates state them.
enum ASN1Time {
    /// Since 1970; nil when it is no time.
    static func seconds(_ time: UnsafePointer<ASN1_TIME>?) -> Int64? {
        var parts = tm()
        guard let time, ASN1_TIME_to_tm(time, &parts) == 1 else { return nil }
        return Int64(timegm(&parts))
    }
}
