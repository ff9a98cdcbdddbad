import Settings
import Transport

/// Loads the certificates that settings name: for `check`, for a start, and for a renewal, so that what was found good is
/// what is shown.
public enum ServerCertificates {
    /// What is wrong with the files of one listener.
    public struct Problems: Error, CustomStringConvertible {
        /// At least one, each with the place of its setting.
        public let problems: [(place: String, message: String)]

        public var description: String {
            self.problems.map { "\($0.place): \($0.message)" }.joined(separator: "; ")
        }
    }

    /// What the listener at `place` shows and asks for; nil for a plain one. Blocks on the disk. `self_signed` reads what
    /// was made at the start.
    public static func identity(
        of listener: ListenSettings,
        at place: String,
        stateFolder: String
    ) throws(Problems) -> ServerIdentity? {
        guard let tls = listener.tls else { return nil }
        var problems: [(place: String, message: String)] = []
        var certificates: [Certificate] = []
        do throws(Problems) {
            certificates = try self.certificates(of: tls, at: "\(place).tls", stateFolder: stateFolder)
        } catch {
            problems += error.problems
        }
        var authority: ClientAuthority?
        if let file = listener.clientAuthority {
            do throws(CertificateProblems) {
                authority = try ClientAuthority(file: file, isRequired: listener.clientCertificates == .required)
            } catch {
                problems += error.problems.map { ("\(place).client_ca", $0.message) }
            }
        }
        guard problems.isEmpty else { throw Problems(problems: problems) }
        return ServerIdentity(
            certificates: certificates,
            clientAuthority: authority,
            ciphers: listener.ciphers ?? TLSContext.defaultCiphers,
            offersHTTP2: listener.speaksHTTP2
        )
    }

    /// The certificates of a `tls` key at `place`, in its order. Blocks on the disk.
    public static func certificates(
        of tls: TLSSettings,
        at place: String,
        stateFolder: String
    ) throws(Problems) -> [Certificate] {
        var problems: [(place: String, message: String)] = []
        var certificates: [Certificate] = []
        for (index, files) in self.files(of: tls, stateFolder: stateFolder).enumerated() {
            let own = tls.place(of: index, at: place)
            do throws(CertificateProblems) {
                let certificate = try Certificate(files)
                certificates.append(certificate)
                guard index > 0, certificate.names.isEmpty else { continue }
                // The first is for clients that ask for no name.
                let advice = "put it first in the list, or have one made with names"
                let message = "\(files.certificate) is for no host, so nobody would be shown it; \(advice)"
                problems.append(("\(own).certificate", message))
            } catch {
                problems += error.problems.map { problem in
                    guard case .files = tls else {
                        return (own, "\(problem.message); or remove both files of it, and a start makes new ones")
                    }
                    return ("\(own).\(problem.part.rawValue)", problem.message)
                }
            }
        }
        guard problems.isEmpty else { throw Problems(problems: problems) }
        return certificates
    }

    /// Those that are read, in the order of the settings.
    public static func files(of tls: TLSSettings, stateFolder: String) -> [CertificateFiles] {
        switch tls {
        case .selfSigned: [SelfSignedCertificate.files(inFolder: stateFolder)]
        case .files(let all):
            all.map { CertificateFiles(certificate: $0.certificate, key: $0.key, staple: $0.staple) }
        }
    }

    /// When those of a `tls` key at `place` begin and cease to be good.
    public static func expiry(of certificates: [Certificate], at place: String) -> [CertificateExpiry.Notice] {
        certificates.flatMap { one in
            let own = CertificateExpiry.Notice(
                place: "\(place): \(one.files.certificate)",
                notBefore: one.notBefore,
                notAfter: one.notAfter
            )
            guard let staple = one.files.staple, let end = one.stapleNotAfter else { return [own] }
            return [own, CertificateExpiry.Notice(kind: .staple, place: "\(place): \(staple)", notAfter: end)]
        }
    }

    /// What visitors would be warned of by now, or soon. Blocks on the disk; what cannot be loaded is left out.
    public static func notices(of settings: Settings, nowSeconds: Int64) -> [String] {
        var places = settings.listeners.enumerated().map { ("listen[\($0.offset)].tls", $0.element.tls) }
        places.append(("controller.keda.tls", settings.controller.keda.tls))
        return places.flatMap { place, tls in
            let loaded = tls.flatMap { try? self.certificates(of: $0, at: place, stateFolder: settings.stateFolder) }
            return self.expiry(of: loaded ?? [], at: place).compactMap { $0.words(now: nowSeconds) }
        }
    }

    /// Everything that keeps the settings' listeners from showing what they name.
    static func problems(of settings: Settings) -> [(place: String, message: String)] {
        var problems: [(place: String, message: String)] = []
        let folder = settings.stateFolder
        for (index, listener) in settings.listeners.enumerated() where self.isToBeRead(listener.tls, folder) {
            do throws(Problems) {
                _ = try self.identity(of: listener, at: "listen[\(index)]", stateFolder: folder)
            } catch {
                problems += error.problems
            }
        }
        if let tls = settings.controller.keda.tls, self.isToBeRead(tls, folder) {
            do throws(Problems) {
                _ = try self.certificates(of: tls, at: "controller.keda.tls", stateFolder: folder)
            } catch {
                problems += error.problems
            }
        }
        return problems
    }

    /// A self-signed certificate may still have to be made.
    private static func isToBeRead(_ tls: TLSSettings?, _ stateFolder: String) -> Bool {
        guard case .selfSigned = tls else { return tls != nil }
        return SelfSignedCertificate.isMade(SelfSignedCertificate.files(inFolder: stateFolder))
    }
}
