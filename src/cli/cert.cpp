// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <memory>
#include <system_error>

#include "cli/cert_list.h"
#include "cli/command.h"
#include "core/clock.h"
#include "net/certificates.h"

namespace causeway {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kAuthorityDays = 3650;

struct CertArguments {
  std::string folder = "certs";
  IssueOptions issue;
  std::vector<std::string> words;  ///< names, files, fingerprints
  bool json = false, folder_given = false;
};

int64_t now_s() { return SystemClock().unix_ms() / 1000; }

std::string path_in(const CertArguments& arguments, const std::string& name,
                    std::string_view ending) {
  return (fs::path(arguments.folder) / (name + std::string(ending))).string();
}

bool exists(const std::string& path) {
  std::error_code error;
  return fs::exists(path, error);
}

void tell_made(const CertArguments& arguments, const CertificateInfo& info) {
  const bool authority = info.kind == CertificateKind::kAuthority;
  fmt::print("{}: certificate of {} {}, valid until {}\n  fingerprint {}\n",
             path_in(arguments, authority ? "authority" : info.name, ".crt"),
             certificate_kind_name(info.kind), info.name, utc_text(info.not_after_unix_s),
             info.fingerprint);
}

Result<void> authority(const CertArguments& arguments) {
  CW_ASSIGN(const CertificateInfo made, make_authority(arguments.folder, arguments.issue));
  tell_made(arguments, made);
  fmt::print(
      "{}: its private key. Who has it can admit anybody to the run: keep it on a machine that is "
      "neither hub nor site, and a copy in a safe place\n",
      path_in(arguments, "authority", ".key"));
  return {};
}

Result<void> issue(const CertArguments& arguments) {
  // Of several none is made if one is there.
  for (const std::string& name : arguments.words)
    if (const std::string path = path_in(arguments, name, ".crt");
        arguments.words.size() > 1 && exists(path))
      return failure(Fault::kBadInput, "{}: is there already; nothing was made", path);
  for (const std::string& name : arguments.words) {
    IssueOptions options = arguments.issue;
    options.name = name;
    CW_ASSIGN(const CertificateInfo made, issue_certificate(arguments.folder, options));
    tell_made(arguments, made);
    fmt::print("{}: its private key, for {} and nobody else\n", path_in(arguments, name, ".key"),
               name);
  }
  fmt::print(
      "A private key should not travel: where the other side has causeway, let it run `causeway "
      "cert request NAME`, and sign that\n");
  return {};
}

Result<void> request(const CertArguments& arguments) {
  for (const std::string& name : arguments.words) {
    CW_ASSIGN(const RequestInfo made, make_request(arguments.folder, name));
    fmt::print(
        "{}: send this to who has the authority's key; it is no secret\n  key's fingerprint {}: "
        "tell it them on another way, such as the telephone\n{}: the private key; it stays here\n",
        path_in(arguments, name, ".csr"), made.key_fingerprint, path_in(arguments, name, ".key"));
  }
  return {};
}

Result<void> sign(const CertArguments& arguments) {
  IssueOptions options = arguments.issue;
  options.kind = options.hosts.empty() ? CertificateKind::kSite : CertificateKind::kHub;
  for (const std::string& path : arguments.words) {
    CW_ASSIGN(const RequestInfo asked, read_request_file(path));
    CW_ASSIGN(const CertificateInfo made, sign_request(arguments.folder, path, options));
    tell_made(arguments, made);
    fmt::print("  of the key with fingerprint {}\n  send it back with {}; the two are no secret\n",
               asked.key_fingerprint, path_in(arguments, "authority", ".crt"));
  }
  return {};
}

struct Listed {
  std::string fingerprint, name;
};

/// The certificate that a word names, by its file or its fingerprint.
Result<Listed> listed_of(const CertArguments& arguments, const std::string& word, bool admit) {
  if (const auto fingerprint = read_fingerprint(word)) return Listed{*fingerprint, ""};
  if (!exists(word))
    return failure(Fault::kBadInput,
                   "{}: there is no such file, and it is no fingerprint (64 hexadecimal digits)",
                   word);
  CW_ASSIGN(const CertificateInfo info, read_certificate_file(word));
  if (info.kind == CertificateKind::kAuthority)
    return failure(Fault::kBadInput,
                   "{}: is an authority's. If its key is lost or stolen, make another authority in "
                   "another folder, and all certificates anew",
                   word);
  if (admit && info.kind != CertificateKind::kSite)
    return failure(Fault::kBadInput, "{}: is a hub's; sites are admitted", word);
  const std::string authority = path_in(arguments, "authority", ".crt");
  if (admit && exists(authority)) {
    const auto checked = check_certificate_file(authority, word, CertificateKind::kSite, now_s());
    if (!checked) return failure(Fault::kBadInput, "{}", checked.error().message);
  }
  return Listed{info.fingerprint, info.name};
}

Result<void> change_lists(const CertArguments& arguments, bool admit) {
  std::vector<Listed> all;
  for (const std::string& word : arguments.words) {
    CW_ASSIGN(Listed listed, listed_of(arguments, word, admit));
    all.push_back(std::move(listed));
  }
  CW_ASSIGN(const AccessList before, read_access_list(arguments.folder));
  for (const Listed& listed : all) {
    const auto change = admit ? admit_certificate : revoke_certificate;
    CW_TRY(change(arguments.folder, listed.fingerprint, listed.name));
    fmt::print("{} {}{}{}\n", admit ? "admitted" : "revoked", listed.name,
               listed.name.empty() ? "" : " ", listed.fingerprint);
  }
  if (admit && !before.only_admitted)
    fmt::print("{} is new: from now on who is not in it is refused\n",
               path_in(arguments, "admitted", ".txt"));
  return {};
}

Result<void> list(const CertArguments& arguments) {
  return list_certificates(arguments.folder, arguments.json, now_s());
}

Result<void> show(const CertArguments& arguments) {
  for (const std::string& path : arguments.words)
    CW_TRY(show_certificate(path, arguments.folder_given ? arguments.folder : "", now_s()));
  return {};
}

/// A subcommand with arguments of its own, which `run` gets.
struct Command {
  CLI::App* app;
  std::shared_ptr<CertArguments> arguments;
};

Command add_command(CLI::App& family, int& exit_code, const char* name, const char* meaning,
                    Result<void> (*run)(const CertArguments&)) {
  Command command{family.add_subcommand(name, meaning), std::make_shared<CertArguments>()};
  CLI::Option* folder =
      command.app
          ->add_option("--folder", command.arguments->folder, "Where certificates and lists are")
          ->capture_default_str();
  command.app->callback([arguments = command.arguments, folder, run, &exit_code] {
    arguments->folder_given = folder->count() > 0;
    arguments->issue.now_unix_s = now_s();
    const auto done = run(*arguments);
    exit_code = done ? kDone : tell_error(done.error());
  });
  return command;
}

void add_days(const Command& command) {
  command.app->add_option("--days", command.arguments->issue.days, "How long it is valid")
      ->capture_default_str();
}

CLI::Option* add_hosts(const Command& command, const char* meaning) {
  return command.app->add_option("--host", command.arguments->issue.hosts, meaning)
      ->allow_extra_args(false);
}

void add_words(const Command& command, const char* name, const char* meaning) {
  command.app->add_option(name, command.arguments->words, meaning)->required();
}

void add_issuers(CLI::App& family, int& exit_code) {
  const Command ours =
      add_command(family, exit_code, "authority", "Make the authority of a run.", authority);
  ours.arguments->issue.name = "authority";
  ours.arguments->issue.days = kAuthorityDays;
  ours.app->add_option("--name", ours.arguments->issue.name, "Its name")->capture_default_str();
  add_days(ours);
  ours.app->footer("Example: causeway cert authority --name novels");

  const Command hub =
      add_command(family, exit_code, "hub", "Make a hub's certificate and key.", issue);
  hub.arguments->issue.kind = CertificateKind::kHub;
  add_words(hub, "NAME", "The hub's name; its files are called after it");
  hub.app->get_option("NAME")->expected(1);
  add_hosts(hub, "A DNS name or address that sites reach it by; may be given again")->required();
  add_days(hub);
  hub.app->footer("Example: causeway cert hub hub --host hub.example.org --host 192.0.2.7");

  const Command site =
      add_command(family, exit_code, "site", "Make sites' certificates and keys.", issue);
  add_words(site, "NAME", "Names of sites, as the recipe has them");
  add_days(site);
  site.app->footer("Example: causeway cert site dickens austen");

  const Command asked = add_command(family, exit_code, "request",
                                    "Make a key here, and what the authority is to sign.", request);
  add_words(asked, "NAME", "The name of this site, or of this hub");
  asked.app->footer("Example: causeway cert request dickens");

  const Command signs = add_command(family, exit_code, "sign",
                                    "Make certificates of requests, as the authority.", sign);
  add_words(signs, "FILE", "NAME.csr, as `causeway cert request NAME` made it");
  add_hosts(signs, "Sign it as a hub's, with this DNS name or address; may be given again");
  add_days(signs);
  signs.app->footer(
      "Examples: causeway cert sign dickens.csr\n"
      "          causeway cert sign hub.csr --host hub.example.org");
}

void add_lookers(CLI::App& family, int& exit_code) {
  const Command admit =
      add_command(family, exit_code, "admit", "Admit sites. From the first one on, no others are.",
                  [](const CertArguments& arguments) { return change_lists(arguments, true); });
  add_words(admit, "CERTIFICATE", "Files NAME.crt, or fingerprints");
  admit.app->footer("Example: causeway cert admit certs/dickens.crt certs/austen.crt");

  const Command revoke =
      add_command(family, exit_code, "revoke", "Refuse certificates from now on.",
                  [](const CertArguments& arguments) { return change_lists(arguments, false); });
  add_words(revoke, "CERTIFICATE", "Files NAME.crt, or fingerprints");
  revoke.app->footer("Example: causeway cert revoke certs/dickens.crt");

  const Command all = add_command(family, exit_code, "list", "List a folder's certificates.", list);
  all.app->add_flag("--json", all.arguments->json, "For machines: a line for each");
  all.app->footer("Example: causeway cert list --folder certs");

  const Command one = add_command(family, exit_code, "show",
                                  "Show certificates, and whether they can be used here.", show);
  add_words(one, "FILE", "NAME.crt or NAME.csr");
  one.app->footer("Example: causeway cert show certs/dickens.crt");
}

}  // namespace

void add_cert(CLI::App& app, int& exit_code) {
  CLI::App* family = app.add_subcommand("cert", "Make and look at certificates of hub and sites.");
  family->require_subcommand(1);
  family->footer(
      "Examples, at the authority:  causeway cert authority\n"
      "                             causeway cert hub hub --host hub.example.org\n"
      "          at a site:         causeway cert request dickens\n"
      "          at the authority:  causeway cert sign dickens.csr\n"
      "                             causeway cert list\n"
      "docs/certificates.md says who makes what, and what is sent to whom.\n"
      "Example: causeway cert authority");
  add_issuers(*family, exit_code);
  add_lookers(*family, exit_code);
}

}  // namespace causeway
