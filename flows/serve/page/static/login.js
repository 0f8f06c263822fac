// The way in: the secret of the form, or the one behind the # of the link that `medley up` prints.
const wrong = document.getElementById("wrong");

async function logIn(secret) {
  const answer = await fetch("/login", { method: "POST", body: new URLSearchParams({ secret }) });
  if (answer.ok) location.replace("/");
  else wrong.textContent = (await answer.json()).detail;
}

document.querySelector("form").addEventListener("submit", (event) => {
  event.preventDefault();
  logIn(document.getElementById("secret").value);
});

const given = location.hash.slice(1);
if (given) {
  history.replaceState(null, "", "/login"); // the secret stays in no history
  logIn(given);
}
