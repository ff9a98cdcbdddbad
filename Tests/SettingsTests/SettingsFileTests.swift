import Addresses
import Primitives
import Foundation
import Settings
import Testing
import Transport

@testable import SettingsFile

@Suite struct SettingsFileTests {
    private func problems(_ path: String, exportsJournals: Bool = false, isStarting: Bool = false) -> [String] {
        do throws(SettingsError) {
            _ = try SettingsFile.load(path, exportsJournals: exportsJournals, isStarting: isStarting)
            return []
        } catch {
            return error.problems.map(\.description)
        }
    }

    @Test func missingFile_isNamed() throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let path = folder.path + "/none.yaml"
        #expect(
            self.problems(path) == [
                "\(path): \(path) cannot be opened: No such file or directory; name a readable YAML file"
            ]
        )
        #expect(
            self.problems(folder.path) == ["\(folder.path): \(folder.path) is not a file; name a readable YAML file"]
        )
    }

    /// Seen before: a folder that is missing was told of when nothing else was wrong, one check later.
    @Test func everythingThatIsWrong_isToldAtOnce_inTheOrderOfTheFile() throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let text = """
            listen: [{address: 127.0.0.1:99999}]
            signing_keys: [{id: 7, file: none.key}]
            pools: {w: {driver: static, workers: [127.0.0.1:9]}}
            rooms: {sale: {slots: 5, inflow: much, journal_export: spool}}
            routes: [{host: "*", path: /, pool: w, room: sale}]
            """
        try folder.write(text, to: "s.yaml")
        let problems = self.problems(folder.path + "/s.yaml", exportsJournals: true)
        let parts = [
            "listen[0].address: found \"127.0.0.1:99999\", whose port is too high: ports go from 1 to 65535",
            "signing_keys[0].file", "rooms.sale.inflow", "rooms.sale.journal_export: there is no folder",
        ]
        #expect(problems.count == parts.count, "\(problems)")
        for (problem, part) in zip(problems, parts) { #expect(problem.contains(part)) }
    }

    @Test func hugeFile_isRefused() throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        try folder.write(String(repeating: "#", count: SettingsFile.maxBytes + 1), to: "s.yaml")
        let path = folder.path + "/s.yaml"
        #expect(self.problems(path) == ["\(path): \(path) is larger than 1048576 bytes; name a readable YAML file"])
    }

    @Test func relativePaths_areMeantFromTheFolderOfTheFile() throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let path = folder.path + "/s.yaml"
        try SelfSignedCertificate.make(certificateFile: folder.path + "/a.pem", keyFile: folder.path + "/a.key")
        try folder.write(String(repeating: "k", count: 40), to: "signing.key")
        let text = SettingsText.smallest.replacing(
            "- address: 127.0.0.1:8080",
            with: "- {address: unix:in.sock, tls: {certificate: a.pem, key: \(folder.path)/a.key}}"
        )
        try folder.write("signing_keys: [{id: 7, file: signing.key}]\nredis: unix:r.sock\n" + text, to: "s.yaml")
        let settings = try SettingsFile.load(path)
        #expect(settings.stateFolder == folder.path + "/.sluice")
        #expect(settings.redis == .server(RedisEndpoint(.unix(path: folder.path + "/r.sock"))))
        let tls = TLSSettings.files(certificate: folder.path + "/a.pem", key: folder.path + "/a.key")
        #expect(settings.listeners == [ListenSettings(address: .unix(path: folder.path + "/in.sock"), tls: tls)])
        let key = SigningKeySettings(
            id: 7,
            secret: Secret(Array(repeating: UInt8(ascii: "k"), count: 40)),
            file: folder.path + "/signing.key"
        )
        #expect(settings.signingKeys == [key])
    }

    /// A folder that was not there was accepted, and nothing exported.
    @Test func exportFolder_isLookedAtForThoseWhoExport() throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let path = folder.path + "/s.yaml"
        let text = SettingsText.smallest.replacing(
            "inflow: 120/s",
            with: "inflow: 120/s\n    journal_export: spool"
        )
        try folder.write(text, to: "s.yaml")
        #expect(try SettingsFile.load(path).rooms[0].journalFolder == folder.path + "/spool")
        let advice = "make a folder that this user can write to, or leave journal_export out"
        let place = "\(path):10:5: rooms.onsale.journal_export: "
        let spool = folder.path + "/spool"
        #expect(self.problems(path, exportsJournals: true) == [place + "there is no folder \(spool); \(advice)"])
        try folder.write("a file", to: "spool")
        #expect(self.problems(path, exportsJournals: true) == [place + "\(spool) is not a folder; \(advice)"])
        try FileManager.default.removeItem(atPath: spool)
        try FileManager.default.createDirectory(atPath: spool, withIntermediateDirectories: false)
        #expect(self.problems(path, exportsJournals: true) == [])
    }

    /// Seen before: `check` said good, and the start failed.
    @Test func stateFolder_thatCannotBeOne_isFoundBeforeTheStart() throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let path = folder.path + "/s.yaml"
        try folder.write("a file", to: "taken")
        func problems(_ name: String) throws -> [String] {
            try folder.write("state_folder: \(name)\n" + SettingsText.smallest, to: "s.yaml")
            return self.problems(path, isStarting: true)
        }
        let place = "\(path):1:1: state_folder: "
        let advice = "name a folder that this user can write to"
        #expect(try problems("taken") == [place + "\(folder.path)/taken is not a folder; \(advice)"])
        #expect(
            try problems("taken/state") == [
                place + "\(folder.path)/taken/state cannot be looked at: Not a directory; \(advice)"
            ]
        )
        #expect(
            try problems("none/state") == [
                place
                    + "there is no folder \(folder.path)/none; so \(folder.path)/none/state cannot be made; make it, or "
                    + "name another folder"
            ]
        )
        // It is made at the start; and a reload, which cannot change it, does not look at it.
        #expect(try problems("state") == [] && problems("state/") == [] && problems(".") == [])
        try folder.write("state_folder: taken\n" + SettingsText.smallest, to: "s.yaml")
        #expect(self.problems(path) == [])
    }

    @Test func absoluteFolder_ofEveryFormOfPath() {
        let current = FileManager.default.currentDirectoryPath
        #expect(SettingsFile.absoluteFolder(of: "s.yaml") == current)
        #expect(SettingsFile.absoluteFolder(of: "a/s.yaml") == current + "/a")
        #expect(SettingsFile.absoluteFolder(of: "/s.yaml") == "/")
        #expect(SettingsFile.absoluteFolder(of: "/a/b/s.yaml") == "/a/b")
    }

    @Test func ciphers_areLookedUp_andNeedTLS() throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let path = folder.path + "/s.yaml"
        func problems(_ listener: String) throws -> [String] {
            try folder.write(
                SettingsText.smallest.replacing("- address: 127.0.0.1:8080", with: "- \(listener)"),
                to: "s.yaml"
            )
            return self.problems(path)
        }
        #expect(try problems("{address: 127.0.0.1:0, tls: self_signed, ciphers: 'ECDHE+AESGCM:AES128-SHA'}") == [])
        #expect(try SettingsFile.load(path).listeners.map(\.ciphers) == ["ECDHE+AESGCM:AES128-SHA"])
        #expect(
            try problems("{address: 127.0.0.1:0, tls: self_signed, ciphers: NONE-SUCH}") == [
                "\(path):2:46: listen[0].ciphers: OpenSSL knows none of NONE-SUCH; `openssl ciphers -v -tls1_2` lists what "
                    + "there is"
            ]
        )
        #expect(
            try problems("{address: 127.0.0.1:0, ciphers: AES128-SHA}").first?.hasSuffix(
                "listen[0].ciphers: the listener speaks no TLS; give it tls, or leave ciphers out"
            ) == true
        )
    }

    @Test func filesThatTheSettingsName_areLookedAt() throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let path = folder.path + "/s.yaml"
        try folder.write("", to: "empty.pem")
        try folder.write("short", to: "short.key")
        let text = SettingsText.smallest.replacing(
            "- address: 127.0.0.1:8080",
            with: "- {address: 127.0.0.1:0, tls: {certificate: empty.pem, key: none.pem}}"
        )
        try folder.write("signing_keys: [{id: 7, file: short.key}]\n" + text, to: "s.yaml")
        #expect(
            self.problems(path) == [
                "\(path):1:24: signing_keys[0].file: \(folder.path)/short.key holds 5 bytes; allowed: 32 to 256",
                "\(path):3:34: listen[0].tls.certificate: \(folder.path)/empty.pem is empty; it must hold PEM",
                "\(path):3:58: listen[0].tls.key: \(folder.path)/none.pem cannot be opened: No such file or directory; "
                    + "name a readable PEM file",
            ]
        )
    }
}
