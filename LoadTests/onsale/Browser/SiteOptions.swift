import ArgumentParser
import Foundation

/// The options of `onsale play` that concern a site which the tool has not started.
struct SiteOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Play against this site, whatever it runs on, instead of a gateway of the tool's own.",
            valueName: "address"
        )
    )
    var url: String?

    @Flag(name: .customLong("i-own-this-site"), help: "Needed for addresses outside the own network.")
    var isOwner = false

    @Flag(help: "Take any certificate.")
    var insecure = false

    @Option(
        help: ArgumentHelp("The authorities that the site's certificate is checked against (PEM).", valueName: "file")
    )
    var ca: String?

    @Flag(help: "HTTP/2 alone, also without TLS; else as the site prefers over TLS, and HTTP/1.1 without.")
    var http2 = false

    @Flag(help: "HTTP/1.1 alone.")
    var http1 = false

    func validate() throws {
        let others: [(String, Bool)] = [
            ("--i-own-this-site", self.isOwner), ("--insecure", self.insecure), ("--ca", self.ca != nil),
            ("--http2", self.http2), ("--http1", self.http1),
        ]
        if self.url == nil, let stray = others.first(where: \.1) {
            throw ValidationError("\(stray.0) concerns a site: name it with --url")
        }
        if self.http1, self.http2 { throw ValidationError("--http1 and --http2 exclude each other: leave one out") }
        if self.insecure, self.ca != nil {
            throw ValidationError("--insecure takes any certificate, so --ca has no meaning beside it: leave one out")
        }
        if let ca = self.ca, !FileManager.default.isReadableFile(atPath: ca) {
            throw ValidationError("--ca: \(ca) cannot be read; name a PEM file")
        }
        if let url = self.url {
            do {
                let url = try SiteURL(parsing: url)
                guard url.scheme == .http else { return }
            } catch {
                throw ValidationError("--url: \(error.description)")
            }
            try StrayOptions.refuse(
                [("--insecure", self.insecure), ("--ca", self.ca != nil)],
                "is about certificates, and http:// has none: leave it out, or name the site as https://"
            )
        }
    }

    /// nil without `--url`.
    func plan(pages: [PageStep]) throws -> SitePlayPlan? {
        guard let url = self.url else { return nil }
        return SitePlayPlan(
            url: try SiteURL(parsing: url),
            pages: pages.isEmpty ? .onePage : try PagePlan(pages),
            version: self.http2 ? .http2 : self.http1 ? .http1 : .asAgreed,
            checksCertificate: !self.insecure,
            authorityFile: self.ca,
            isOwner: self.isOwner
        )
    }

    /// The same options for the command that plays the run again.
    var words: String {
        guard let url = self.url else { return "" }
        var words = " --url \(url)"
        if self.isOwner { words += " --i-own-this-site" }
        if self.insecure { words += " --insecure" }
        if let ca = self.ca { words += " --ca \(ca)" }
        if self.http2 { words += " --http2" }
        if self.http1 { words += " --http1" }
        return words
    }
}

/// Which site is played, and how.
struct SitePlayPlan: Sendable {
    var url: SiteURL
    var pages = PagePlan.onePage
    var version = SiteTarget.Version.asAgreed
    var checksCertificate = true
    var authorityFile: String?
    /// The one who starts the run has said that the site is theirs to load.
    var isOwner = false

    /// The scenario with as many pages a visit as there are steps.
    func fitted(_ scenario: Scenario) -> Scenario {
        guard !self.pages.isOnePage else { return scenario }
        var scenario = scenario
        func fit(_ manners: inout Manners) {
            manners.fewestRequests = self.pages.steps.count
            manners.mostRequests = self.pages.steps.count
        }
        fit(&scenario.manners)
        for index in scenario.classes.indices { fit(&scenario.classes[index].manners) }
        return scenario
    }
}
